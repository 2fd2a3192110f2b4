import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import colors from 'picocolors';
import { CommandFailure } from './command-failure.js';
import { type Column, cutToWidth, displayWidth, renderTable } from './table.js';

/** Some terminals do not say how wide they are. */
const FALLBACK_COLUMNS = 80;

export type Paint = ReturnType<typeof colors.createColors>;

export interface TerminalStreams {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly stderr: Writable & { readonly isTTY?: boolean };
}

/**
 * The only writer to standard output and standard error. Results go to standard output; hints, questions
 * and errors to standard error, so that a pipe carries results only. Colours and widths are for terminals;
 * a pipe gets plain text. Control characters in what the server says are made visible.
 */
export class Terminal {
  readonly paint: Paint;
  readonly #streams: TerminalStreams;
  /** What `live` shows now. */
  #live = '';

  constructor(streams: TerminalStreams, noColor: boolean) {
    this.#streams = streams;
    this.paint = colors.createColors(streams.stdout.isTTY === true && !noColor);
    // A reader that went away (`| head`) is no failure of the command.
    for (const stream of [streams.stdout, streams.stderr]) stream.on('error', () => undefined);
  }

  /** A person is there to be asked. */
  get isInteractive(): boolean {
    return this.#streams.stdin.isTTY === true && this.#streams.stderr.isTTY === true;
  }

  get stdinIsPiped(): boolean {
    return this.#streams.stdin.isTTY !== true;
  }

  get stdin(): Readable {
    return this.#streams.stdin;
  }

  /** Whether `live` shows anything. */
  get showsLive(): boolean {
    return this.#streams.stdout.isTTY === true;
  }

  /** Shows a line that stays only until the next one is written. A pipe gets none of it. */
  live(line: string): void {
    if (!this.showsLive) return;
    // One cell is left free: a full line would make some terminals begin another.
    const width = (this.#streams.stdout.columns || FALLBACK_COLUMNS) - 1;
    const shown = cutToWidth(visible(line), width);
    const rest = ' '.repeat(Math.max(0, displayWidth(this.#live) - displayWidth(shown)));
    this.#streams.stdout.write(`\r${shown}${rest}\r`);
    this.#live = shown;
  }

  #clearLive(): void {
    if (this.#live !== '') this.live('');
  }

  /** Writes a line of the result; `style` colours it. */
  print(line = '', style: (text: string) => string = (text) => text): void {
    this.#clearLive();
    this.#streams.stdout.write(`${style(visible(line))}\n`);
  }

  /** Writes `name  value` lines, aligned. A null value is left out. */
  facts(facts: Readonly<Record<string, string | null>>): void {
    this.#clearLive();
    const shown = Object.entries(facts).filter(([, value]) => value !== null);
    const width = Math.max(0, ...shown.map(([name]) => name.length));
    for (const [name, value] of shown) {
      this.#streams.stdout.write(
        `${this.paint.dim(name.padEnd(width))}  ${visible(value ?? '')}\n`,
      );
    }
  }

  /** Writes text of our own (help, completion scripts) as it is. */
  write(text: string): void {
    this.#streams.stdout.write(text);
  }

  /** Writes a result as it comes, at the pace of who reads it; ends early when nobody does any more. */
  async pass(pieces: AsyncIterable<Uint8Array | string>): Promise<void> {
    const { stdout } = this.#streams;
    for await (const piece of pieces) {
      if (!stdout.write(piece)) {
        await Promise.race([once(stdout, 'drain'), once(stdout, 'close')]);
      }
      if (stdout.destroyed) return;
    }
  }

  json(value: unknown): void {
    this.#streams.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
  }

  table(
    columns: readonly Column[],
    rows: readonly (readonly string[])[],
    paintCell?: (cell: string, column: number) => string,
  ): void {
    const width =
      this.#streams.stdout.isTTY === true
        ? this.#streams.stdout.columns || FALLBACK_COLUMNS
        : undefined;
    const safe = rows.map((row) => row.map(visible));
    const lines = renderTable(columns, safe, width, (cell, column, row) =>
      row === undefined ? this.paint.bold(cell) : (paintCell?.(cell, column) ?? cell),
    );
    for (const line of lines) this.#streams.stdout.write(`${line}\n`);
  }

  /** A hint: what to do next. */
  hint(line: string): void {
    this.#clearLive();
    this.#streams.stderr.write(`${this.paint.dim(visible(line))}\n`);
  }

  warn(line: string): void {
    this.#clearLive();
    this.#streams.stderr.write(`${this.paint.yellow('warning:')} ${visible(line)}\n`);
  }

  failure(failure: CommandFailure): void {
    this.#clearLive();
    const code = failure.code === undefined ? '' : ` (${failure.code})`;
    const lines = [`${this.paint.red('error:')} ${visible(failure.message)}${code}`];
    for (const problem of failure.problems) {
      const place =
        problem.line === undefined
          ? problem.path
          : `${problem.path} (line ${problem.line}, column ${problem.column ?? 1})`;
      const text = place === '' ? problem.message : `${place}: ${problem.message}`;
      // The detail of an only problem often says it whole already.
      if (!failure.message.includes(problem.message)) lines.push(`  ${visible(text)}`);
      const { nearest } = problem;
      if (nearest !== undefined && !failure.message.includes(`did you mean ${nearest}?`)) {
        lines.push(`    did you mean "${visible(nearest)}"?`);
      }
    }
    for (const hint of failure.hints) lines.push(this.paint.dim(visible(hint)));
    this.#streams.stderr.write(`${lines.join('\n')}\n`);
  }

  /** The same as one JSON document on standard error, for `--json`. */
  failureJson(failure: CommandFailure): void {
    const { code = 'usage', message: detail, problems: errors, hints } = failure;
    this.#streams.stderr.write(`${JSON.stringify({ code, detail, errors, hints })}\n`);
  }

  /**
   * Asks for one line without showing it. Several lines pasted at once (a PEM key) are refused: the first
   * alone would be a wrong value.
   */
  async askHidden(message: string): Promise<string> {
    // Loaded where somebody is asked: most commands ask nothing.
    const { isCancel, password } = await import('@clack/prompts');
    const { stdin } = this.#streams;
    let severalLines = false;
    const watch = (chunk: Buffer | string): void => {
      severalLines ||= /[\r\n]+[^\r\n]/.test(chunk.toString());
    };
    const asked = password({ message, mask: '•', ...this.#prompt });
    stdin.on('data', watch);
    const answer = await asked;
    stdin.off('data', watch);
    if (isCancel(answer)) throw new CommandFailure('cancelled: nothing was changed');
    if (severalLines) {
      throw new CommandFailure('the prompt takes one line, and several were pasted', {
        hints: ['Give a value of several lines with --value-file FILE or on standard input.'],
      });
    }
    return answer ?? '';
  }

  async askYes(message: string): Promise<boolean> {
    const { confirm } = await import('@clack/prompts');
    const answer = await confirm({ message, initialValue: false, ...this.#prompt });
    return answer === true;
  }

  get #prompt(): { input: Readable; output: Writable } {
    return { input: this.#streams.stdin, output: this.#streams.stderr };
  }
}

/** Control and bidirectional-override characters could rewrite what the reader sees: shown as escapes. */
function visible(text: string): string {
  return text.replace(
    /[^\P{Cc}\n\t]|[\u202a-\u202e\u2066-\u2069]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
