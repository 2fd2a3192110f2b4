import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { type GivenValue, MAX_VALUE_BYTES, SecretValue } from '../core/index.js';
import { CommandFailure } from './command-failure.js';
import { HOW_TO_GIVE_A_VALUE } from './refuse-values.js';
import type { Terminal } from './terminal.js';

// Every byte of a value may be escaped as \u00xx in a JSON file of fields.
const MAX_FIELDS_FILE_BYTES = 6 * MAX_VALUE_BYTES + 4096;

export interface ValueOptions {
  /** `-` is standard input. */
  readonly valueFile?: string | undefined;
  /** A JSON object of strings; `-` is standard input. */
  readonly fields?: string | undefined;
  /** Names of fields to ask for. */
  readonly field?: readonly string[] | undefined;
  readonly keepNewline?: boolean | undefined;
}

/**
 * Takes a value from `--value-file`, `--fields`, hidden prompts for each `--field`, standard input, or a
 * hidden prompt, in this order. One newline at the end of a file or of standard input is dropped unless
 * `keepNewline`. Throws a CommandFailure that never holds a part of the value.
 */
export async function readValue(
  options: ValueOptions,
  subject: string,
  terminal: Terminal,
): Promise<GivenValue> {
  const sources = [options.valueFile, options.fields, options.field].filter(
    (it) => it !== undefined,
  );
  if (sources.length > 1) {
    throw new CommandFailure('give only one of --value-file, --fields and --field');
  }
  if (options.fields !== undefined) {
    const bytes = await readSource(options.fields, '--fields', MAX_FIELDS_FILE_BYTES, terminal);
    return { type: 'fields', fields: parseFields(bytes) };
  }
  if (options.field !== undefined) return askFields(options.field, subject, terminal);
  if (options.valueFile !== undefined || terminal.stdinIsPiped) {
    const source = options.valueFile ?? '-';
    // One byte more for the newline to drop, one to see that there is too much.
    const bytes = await readSource(source, '--value-file', MAX_VALUE_BYTES + 2, terminal);
    const place = source === '-' ? 'standard input' : 'the file of --value-file';
    return single(options.keepNewline === true ? bytes : dropNewline(bytes), place);
  }
  requirePerson(terminal);
  return single(Buffer.from(await terminal.askHidden(`Value of ${subject}`)), 'the prompt');
}

async function askFields(
  names: readonly string[],
  subject: string,
  terminal: Terminal,
): Promise<GivenValue> {
  if (names.some((name) => name.includes('='))) {
    throw new CommandFailure('--field takes the name of a field only; its value is asked for', {
      hints: HOW_TO_GIVE_A_VALUE,
    });
  }
  requirePerson(terminal);
  const fields = new Map<string, SecretValue>();
  for (const name of names) {
    const answer = await terminal.askHidden(`Value of ${subject}, field ${name}`);
    if (answer === '') throw new CommandFailure(`field ${name} is empty`);
    fields.set(name, SecretValue.fromText(answer));
  }
  return { type: 'fields', fields };
}

function requirePerson(terminal: Terminal): void {
  if (terminal.isInteractive) return;
  throw new CommandFailure('there is no terminal to ask for the value', {
    hints: ['Give it on standard input, with --value-file FILE or with --fields FILE.json.'],
  });
}

function single(bytes: Uint8Array, place: string): GivenValue {
  if (bytes.length === 0) throw new CommandFailure(`${place} held no value`);
  if (bytes.length > MAX_VALUE_BYTES) {
    throw new CommandFailure(`the value from ${place} is larger than 64 KiB`);
  }
  return { type: 'single', value: SecretValue.fromBytes(bytes) };
}

function dropNewline(bytes: Uint8Array): Uint8Array {
  if (bytes.at(-1) !== 0x0a) return bytes;
  return bytes.subarray(0, bytes.at(-2) === 0x0d ? -2 : -1);
}

function parseFields(bytes: Uint8Array): ReadonlyMap<string, SecretValue> {
  const expected = 'expected a JSON object of strings such as {"accessKeyId": "…"}';
  let document: unknown;
  try {
    document = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    throw new CommandFailure(`the file of --fields is not JSON: ${expected}`);
  }
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    throw new CommandFailure(`the file of --fields is not an object: ${expected}`);
  }
  const fields = new Map<string, SecretValue>();
  for (const [name, value] of Object.entries(document)) {
    if (typeof value !== 'string' || value === '') {
      throw new CommandFailure(`field ${name} of the file of --fields is not a text: ${expected}`);
    }
    fields.set(name, SecretValue.fromText(value));
  }
  if (fields.size === 0) throw new CommandFailure(`the file of --fields is empty: ${expected}`);
  return fields;
}

async function readSource(
  source: string,
  option: string,
  limitBytes: number,
  terminal: Terminal,
): Promise<Uint8Array> {
  if (source === '-') return readAtMost(terminal.stdin, limitBytes);
  try {
    const file = await open(source);
    try {
      return await readAtMost(file.createReadStream({ autoClose: false }), limitBytes);
    } finally {
      await file.close();
    }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    // The path is not repeated: it may be a value that was meant for standard input.
    throw new CommandFailure(`the file of ${option} cannot be read (${code})`);
  }
}

/** Reads a stream to its end, but no more than about `limitBytes`. */
export async function readAtMost(stream: Readable, limitBytes: number): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream) {
    const bytes = Buffer.from(chunk);
    chunks.push(bytes);
    length += bytes.length;
    if (length > limitBytes) break;
  }
  return Buffer.concat(chunks);
}
