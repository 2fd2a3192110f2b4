import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type AuditExportEnd, checkpointText, exportText } from '../core/index.js';
import type { Session } from './command.js';
import { CommandFailure, type ExitCode } from './command-failure.js';
import { describeMoment } from './describe-time.js';

const LINE_FEED = 0x0a;

/**
 * Checks, without a server, that a file is what a server exported: nothing changed, added, removed or cut. Throws a
 * CommandFailure when it is not.
 */
export async function checkExport(
  { ports, json, terminal }: Session,
  file: string,
  publicKey: string | undefined,
): Promise<ExitCode> {
  const { end, rows, newest, isGapless, sha256 } = await readExport(file);
  const { checkpoint, filters } = end;
  requireKey(checkpoint.publicKey, publicKey);
  const signed = await Promise.all([
    ports.verifySignature(exportText(end), end.signature, checkpoint.publicKey),
    ports.verifySignature(checkpointText(checkpoint), checkpoint.signature, checkpoint.publicKey),
  ]);
  const isAll = Object.keys(filters).length === 0;
  const asExported =
    signed.every(Boolean) &&
    end.rows === rows &&
    end.sha256 === sha256 &&
    (!isAll || (isGapless && newest === `${checkpoint.seq} ${checkpoint.mac}`));
  if (!asExported) throw new CommandFailure(`${file} was changed after it was exported`);
  if (json) {
    terminal.json({ ok: true, rows, filters, checkpoint });
    return 0;
  }
  const which = isAll ? 'the whole log' : `filters: ${describeFilters(filters)}`;
  terminal.print(
    `✓ The export is whole: ${rows} rows (${which}), as of ${describeMoment(checkpoint.at)}.`,
  );
  if (publicKey === undefined) {
    terminal.hint(
      `Signed with the key ${checkpoint.publicKey}. That it is your server's is proved by: --public-key KEY`,
    );
  }
  return 0;
}

/** Throws a CommandFailure when another key than the one expected signed. */
export function requireKey(found: string, expected: string | undefined): void {
  if (expected === undefined || expected === found) return;
  throw new CommandFailure(`it was signed with the key ${found}, not with ${expected}`);
}

interface ReadExport {
  readonly end: AuditExportEnd;
  readonly rows: number;
  /** Number and mac of the last row. */
  readonly newest: string;
  /** Each row has the number after the one before. */
  readonly isGapless: boolean;
  readonly sha256: string;
}

async function readExport(file: string): Promise<ReadExport> {
  const digest = createHash('sha256');
  let rows = 0;
  let newest: { seq: number; mac: string } | undefined;
  let isGapless = true;
  let end: AuditExportEnd | undefined;
  for await (const line of linesOf(file)) {
    const row = parseLine(line);
    if (row === undefined || end !== undefined) throw notWhole(file);
    if ('end' in row) {
      end = row.end;
      continue;
    }
    digest.update(line);
    if (newest !== undefined && row.seq !== newest.seq + 1) isGapless = false;
    newest = row;
    rows++;
  }
  if (end === undefined) throw notWhole(file);
  const last = newest === undefined ? '' : `${newest.seq} ${newest.mac}`;
  return { end, rows, newest: last, isGapless, sha256: digest.digest('base64url') };
}

function parseLine(
  line: Buffer,
): { readonly end: AuditExportEnd } | { readonly seq: number; readonly mac: string } | undefined {
  try {
    const { end, seq, mac } = JSON.parse(line.toString('utf8'));
    if (end !== undefined) return typeof end.checkpoint === 'object' ? { end } : undefined;
    return typeof seq === 'number' && typeof mac === 'string' ? { seq, mac } : undefined;
  } catch {
    return undefined;
  }
}

/** Each with its line feed; the last may have none. */
async function* linesOf(file: string): AsyncGenerator<Buffer> {
  let rest = Buffer.alloc(0);
  try {
    for await (const chunk of createReadStream(file)) {
      const bytes = Buffer.concat([rest, chunk as Buffer]);
      let from = 0;
      for (let at = bytes.indexOf(LINE_FEED); at !== -1; at = bytes.indexOf(LINE_FEED, from)) {
        yield bytes.subarray(from, at + 1);
        from = at + 1;
      }
      rest = bytes.subarray(from);
    }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
    throw new CommandFailure(`${file} cannot be read${code}`);
  }
  if (rest.byteLength > 0) yield rest;
}

function notWhole(file: string): CommandFailure {
  return new CommandFailure(`${file} is no whole export: it was cut, or something follows its end`);
}

function describeFilters(filters: Readonly<Record<string, string>>): string {
  return Object.entries(filters)
    .map(([name, value]) => `${name}=${value}`)
    .join(', ');
}
