import { Option } from 'commander';
import { type AuditFilterOptions, auditFilterOptions, auditFilterQuery } from './audit-filter.js';
import { addCommand, type Registry, type Session } from './command.js';
import { CommandFailure } from './command-failure.js';
import { requireNewFile, writeNewFile } from './write-new-file.js';

interface ExportOptions extends AuditFilterOptions {
  readonly output?: string;
  readonly overwrite?: boolean;
}

/** Longer than the last line can be. */
const LONGEST_END_BYTES = 16 * 1024;

/** `keyferry audit export`: rows as JSON Lines, oldest first. */
export function addAuditExport(noun: Registry): void {
  addCommand<ExportOptions>(noun, {
    usage: 'export',
    summary: 'write the audit log as JSON Lines, oldest first, with a signed last line',
    example: 'audit export --since 30d --output audit-november.jsonl',
    options: [
      ...auditFilterOptions(),
      new Option('--output <file>', 'write to a file instead of standard output'),
      new Option('--overwrite', 'replace the file if it is there'),
    ],
    act: exportAudit,
  });
}

async function exportAudit(
  { api, json, terminal, nowMs }: Session,
  { output, overwrite, ...filter }: ExportOptions,
): Promise<void> {
  if (output !== undefined) await requireNewFile(output, overwrite);
  const query = auditFilterQuery(filter, nowMs);
  const body = await api().download('GET', '/v1/audit/export', query);
  if (output === undefined) return terminal.pass(untilEnd(body));
  const bytes = await writeNewFile(output, untilEnd(body), 'export');
  if (json) return terminal.json({ file: output, bytes });
  terminal.print(`Wrote ${output} (${bytes} bytes).`);
  terminal.hint(`Check it, also without a server: keyferry audit verify --export ${output}`);
}

/** Passes an export on. Throws a CommandFailure when its last line does not come. */
async function* untilEnd(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let tail = Buffer.alloc(0);
  try {
    for await (const piece of body) {
      tail = Buffer.concat([tail, piece]).subarray(-LONGEST_END_BYTES);
      yield piece;
    }
  } catch {
    throw broken();
  }
  const lastLine = tail.toString('utf8').trimEnd().split('\n').at(-1) ?? '';
  if (!lastLine.startsWith('{"end":')) throw broken();
}

function broken(): CommandFailure {
  return new CommandFailure('the export broke off: what came of it is not whole');
}
