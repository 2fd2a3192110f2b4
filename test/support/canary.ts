import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** One way to write a value. */
export interface Form {
  readonly name: string;
  readonly bytes: Buffer;
}

/** Shorter texts stand in names and numbers by chance. */
const SHORTEST = 8;

/**
 * All forms in which a text may have been written, each as it looks also in the middle of something longer: base64
 * and base64url at each of the three alignments without the characters that its neighbours decide.
 */
export function formsOf(text: string): readonly Form[] {
  const bytes = Buffer.from(text);
  if (bytes.length < SHORTEST) throw new Error('too short to be looked for');
  const hex = bytes.toString('hex');
  const each = (write: (byte: number) => string, between = ''): string =>
    [...bytes].map(write).join(between);
  const pair = (byte: number): string => byte.toString(16).padStart(2, '0');
  const forms: [name: string, text: string][] = [
    ['plain', text],
    ['hex', hex],
    ['upper-case hex', hex.toUpperCase()],
    ['percent', each((byte) => `%${pair(byte)}`)],
    ['upper-case percent', each((byte) => `%${pair(byte).toUpperCase()}`)],
    ['form', encodeURIComponent(text)],
    ['JSON', JSON.stringify(text).slice(1, -1)],
    ['JSON escapes', each((byte) => `\\u00${pair(byte)}`)],
    ['list of bytes', each(String, ',')],
    ['bytes of inspect', each(pair, ' ')],
  ];
  for (const skipped of [0, 1, 2]) {
    const whole = Buffer.concat([Buffer.alloc(skipped), bytes]);
    const from = Math.ceil((skipped * 8) / 6);
    const to = Math.floor((whole.length * 8) / 6);
    forms.push(
      [`base64 at ${skipped}`, whole.toString('base64').slice(from, to)],
      [`base64url at ${skipped}`, whole.toString('base64url').slice(from, to)],
    );
  }
  const wide: Form = { name: 'UTF-16', bytes: Buffer.from(text, 'utf16le') };
  return [...forms.map(([name, form]) => ({ name, bytes: Buffer.from(form) })), wide];
}

/** What was written, by where; and the values that must not be in it. */
export class CanaryWatch {
  readonly #written = new Map<string, Buffer[]>();
  readonly #forms = new Map<string, readonly Form[]>();

  /** `what` says which value it is, since the value is not shown. Too short a value is not watched. */
  watch(what: string, value: string): void {
    if (Buffer.byteLength(value) >= SHORTEST) this.#forms.set(what, formsOf(value));
  }

  /** Pieces of one place are looked at as one. */
  add(place: string, piece: Buffer | string): void {
    const pieces = this.#written.get(place) ?? [];
    pieces.push(Buffer.from(piece));
    this.#written.set(place, pieces);
  }

  /** Adds every file below a folder but root keys. */
  addFolder(folder: string): void {
    for (const name of readdirSync(folder)) {
      if (name.startsWith('master.key')) continue;
      const path = join(folder, name);
      if (statSync(path).isDirectory()) this.addFolder(path);
      else this.add(path, readFileSync(path));
    }
  }

  get places(): readonly string[] {
    return [...this.#written.keys()];
  }

  get bytes(): number {
    return [...this.#written.values()].flat().reduce((sum, { length }) => sum + length, 0);
  }

  /** Where which value was found, and in which form; empty = nowhere. */
  findings(): string[] {
    const found: string[] = [];
    for (const [place, pieces] of this.#written) {
      const written = Buffer.concat(pieces);
      for (const [what, forms] of this.#forms) {
        for (const { name, bytes } of forms) {
          const at = written.indexOf(bytes);
          if (at !== -1) found.push(`${what} (${name}) in ${place} at ${at}`);
        }
      }
    }
    return found;
  }
}
