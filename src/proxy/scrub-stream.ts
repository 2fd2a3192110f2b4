import type { EchoMatcher } from '../core/index.js';

/**
 * Searches one response for the forms of a plan's values: header fields, then the body piece by piece, then
 * trailers. Of a body it holds back the end of a piece, up to the last byte that is in no form.
 */
export class EchoStream {
  /** Names of the secrets that were found, each once. */
  readonly found: string[] = [];
  readonly #matcher: EchoMatcher;
  #held: Buffer | undefined;

  constructor(matcher: EchoMatcher) {
    this.#matcher = matcher;
  }

  /** The bytes that may be passed on now, every form in them masked. After the last piece nothing is held. */
  write(piece: Buffer, isLast: boolean): Buffer {
    const matcher = this.#matcher;
    const text = this.#held === undefined ? piece : Buffer.concat([this.#held, piece]);
    this.#held = undefined;
    if (isLast && text.length < matcher.shortest) return text;
    let parts: Uint8Array[] | undefined;
    let from = 0;
    while (matcher.find(text, from, isLast)) {
      parts ??= [];
      parts.push(text.subarray(from, matcher.start), matcher.mask);
      from = matcher.end;
      if (!this.found.includes(matcher.secret)) this.found.push(matcher.secret);
    }
    const end = matcher.start;
    // Copied, so that a few bytes do not keep a whole piece in memory.
    if (end < text.length) this.#held = Buffer.from(text.subarray(end));
    if (parts === undefined) return end === text.length ? text : text.subarray(0, end);
    parts.push(text.subarray(from, end));
    return Buffer.concat(parts);
  }

  /** A status message, which undici reads as UTF-8. */
  text(text: string): string {
    if (text.length < this.#matcher.shortest) return text;
    const bytes = Buffer.from(text, 'utf8');
    const clean = this.write(bytes, true);
    return clean === bytes ? text : clean.toString('utf8');
  }

  /** Raw fields (name, value, …) before or after a body, in place; one with a form in its name is left out. */
  fields(raw: Uint8Array[]): void {
    const { shortest } = this.#matcher;
    let end = 0;
    for (let i = 0; i < raw.length; i += 2) {
      const name = raw[i] as Buffer;
      let value = raw[i + 1] as Buffer;
      if (name.length >= shortest && this.write(name, true) !== name) continue;
      if (value.length >= shortest) value = this.write(value, true);
      raw[end++] = name;
      raw[end++] = value;
    }
    raw.length = end;
  }
}
