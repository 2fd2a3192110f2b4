import {
  type ImportedEntry,
  type ImportedSource,
  type Problem,
  SecretValue,
} from '../core/index.js';

const ASSIGNMENT = /[^\S\n]*(?:export[^\S\n]+)?([\w.-]+)(?:[^\S\n]*=|:[^\S\n])[^\S\n]*/y;
const REST_OF_LINE = /[^\n]*/y;
const NOTHING_MORE = /^\s*(?:#.*)?$/;

/**
 * Reads a `.env` file as dotenv does: `export`, quotes `'`, `"` and `` ` `` that may go over lines, `\n` and `\r` in
 * double quotes, comments, and no expansion of variables. Stricter where dotenv guesses: a line that assigns nothing,
 * a quote that is not closed, and text after a closing quote are problems, by line.
 */
export function readEnvFile(text: string): ImportedSource {
  const reader = new EnvReader(text.replace(/^\uFEFF/, '').replace(/\r\n?/g, '\n'));
  reader.readAll();
  return reader;
}

class EnvReader implements ImportedSource {
  readonly problems: Problem[] = [];
  readonly notices: Problem[] = [];
  readonly #found = new Map<string, ImportedEntry>();
  readonly #text: string;
  #at = 0;
  #line = 1;
  /** Where the line of that number begins. */
  #lineStart = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get entries(): readonly ImportedEntry[] {
    return [...this.#found.values()];
  }

  readAll(): void {
    while (this.#at < this.#text.length) {
      const place = `line ${this.#lineNumber()}`;
      const name = this.#take(ASSIGNMENT)?.[1];
      if (name === undefined) this.#skipLine(place);
      else this.#readValue(place, name);
      // The line's own end.
      this.#at++;
    }
  }

  #lineNumber(): number {
    let end = this.#text.indexOf('\n', this.#lineStart);
    while (end !== -1 && end < this.#at) {
      this.#line++;
      this.#lineStart = end + 1;
      end = this.#text.indexOf('\n', this.#lineStart);
    }
    return this.#line;
  }

  #skipLine(path: string): void {
    if (NOTHING_MORE.test(this.#rest())) return;
    this.problems.push({ path, message: 'is no assignment NAME=value and no comment' });
  }

  #readValue(place: string, name: string): void {
    const quote = this.#text[this.#at] ?? '';
    const isQuoted = quote === '"' || quote === "'" || quote === '`';
    const value = isQuoted ? this.#quoted(place, quote) : this.#plain(place);
    if (value === undefined) return;
    if (value === '') {
      this.notices.push({ path: place, message: `${name} is empty: it is left out` });
      return;
    }
    if (this.#found.delete(name)) {
      this.notices.push({ path: place, message: `${name} stands here again: this one counts` });
    }
    const given = { type: 'single', value: SecretValue.fromText(value) } as const;
    this.#found.set(name, { place, name, environment: undefined, value: given });
  }

  #quoted(path: string, quote: string): string | undefined {
    const start = this.#at + 1;
    let end = this.#text.indexOf(quote, start);
    while (end !== -1 && this.#text[end - 1] === '\\') end = this.#text.indexOf(quote, end + 1);
    if (end === -1) {
      this.#rest();
      this.problems.push({ path, message: `begins with ${quote}, and no ${quote} ends it` });
      return undefined;
    }
    const inner = this.#text.slice(start, end);
    this.#at = end + 1;
    if (!NOTHING_MORE.test(this.#rest())) {
      this.problems.push({ path, message: `goes on after the ${quote} that ends the value` });
      return undefined;
    }
    return quote === '"' ? inner.replaceAll('\\n', '\n').replaceAll('\\r', '\r') : inner;
  }

  #plain(path: string): string {
    const line = this.#rest();
    const mark = line.indexOf('#');
    if (mark > 0 && !/\s/.test(line[mark - 1] ?? '')) {
      const message = 'is cut at its "#", as dotenv does; quote the value if it belongs to it';
      this.notices.push({ path, message });
    }
    return (mark === -1 ? line : line.slice(0, mark)).trim();
  }

  #rest(): string {
    return this.#take(REST_OF_LINE)?.[0] ?? '';
  }

  #take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) return undefined;
    this.#at += match[0].length;
    return match;
  }
}
