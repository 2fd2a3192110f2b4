import { readFile } from 'node:fs/promises';
import { Option } from 'commander';
import { type AuditCheckpoint, checkpointText } from '../core/index.js';
import { addCommand, type Registry, type Session } from './command.js';
import { CommandFailure } from './command-failure.js';
import { describeMoment } from './describe-time.js';
import { requireNewFile, writeNewFile } from './write-new-file.js';

interface CheckpointOptions {
  readonly output?: string;
  readonly overwrite?: boolean;
}

/** `keyferry audit checkpoint`: what the log is now, signed, to be kept elsewhere. */
export function addAuditCheckpoint(noun: Registry): void {
  addCommand<CheckpointOptions>(noun, {
    usage: 'checkpoint',
    summary:
      'state what the audit log is now, signed; kept elsewhere, it shows a tail that was cut',
    example: 'audit checkpoint --output audit-2026-11-21.json',
    options: [
      new Option('--output <file>', 'write it to a file'),
      new Option('--overwrite', 'replace the file if it is there'),
    ],
    async act({ api, json, terminal }, { output, overwrite }) {
      if (output !== undefined) await requireNewFile(output, overwrite);
      const checkpoint = await api().get<AuditCheckpoint>('/v1/audit/checkpoint');
      if (output !== undefined) {
        const text = `${JSON.stringify(checkpoint, undefined, 2)}\n`;
        await writeNewFile(output, once(text), 'checkpoint');
      }
      if (json) return terminal.json(checkpoint);
      const { seq, rows, at, databaseId, mac, publicKey, signature } = checkpoint;
      terminal.facts({
        'newest row': String(seq),
        rows: String(rows),
        time: describeMoment(at),
        database: databaseId,
        mac,
        'public key': publicKey,
        signature,
      });
      terminal.hint(
        output === undefined
          ? 'Keep it where nobody who can write to the database reaches it: --output FILE'
          : `Check the log against it later: keyferry audit verify --checkpoint ${output}`,
      );
    },
  });
}

/**
 * Reads a checkpoint from a file: one that `audit checkpoint` wrote, or the line of the program log. Throws a
 * CommandFailure when it is none, or was changed.
 */
export async function readCheckpoint({ ports }: Session, file: string): Promise<AuditCheckpoint> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
    throw new CommandFailure(`${file} cannot be read${code}`);
  }
  const checkpoint = parseCheckpoint(text);
  if (checkpoint === undefined) {
    throw new CommandFailure(`${file} holds no checkpoint of an audit log`, {
      hints: ['Make one: keyferry audit checkpoint --output FILE'],
    });
  }
  const { signature, publicKey } = checkpoint;
  if (await ports.verifySignature(checkpointText(checkpoint), signature, publicKey)) {
    return checkpoint;
  }
  throw new CommandFailure(`${file} was changed: its signature does not fit what it says`);
}

function parseCheckpoint(text: string): AuditCheckpoint | undefined {
  try {
    const { databaseId, seq, rows, at, mac, publicKey, signature } = JSON.parse(text);
    const texts = [databaseId, at, mac, publicKey, signature];
    const numbers = [seq, rows];
    return texts.every((it) => typeof it === 'string') && numbers.every(Number.isSafeInteger)
      ? { databaseId, seq, rows, at, mac, publicKey, signature }
      : undefined;
  } catch {
    return undefined;
  }
}

async function* once(text: string): AsyncGenerator<string> {
  yield text;
}
