import { readFile } from 'node:fs/promises';
import { diffLines } from '../core/index.js';
import type { Session } from './command.js';
import { CommandFailure } from './command-failure.js';
import type { SecretReplacement } from './ports.js';
import { replaceFile } from './replace-file.js';

/** A routes file in which one secret takes the place of another. It is read anew each time: others edit it too. */
export class ReplacedFile {
  readonly path: string;
  readonly #session: Session;
  readonly #replacement: SecretReplacement;
  /** What this command wrote, and what was there. */
  #written: { readonly before: string; readonly after: string } | undefined;

  constructor(session: Session, path: string, replacement: SecretReplacement) {
    this.#session = session;
    this.path = path;
    this.#replacement = replacement;
  }

  /** Whether this command wrote it. */
  get isWritten(): boolean {
    return this.#written !== undefined;
  }

  /** Shows the lines that would change. */
  async print(): Promise<void> {
    const { terminal } = this.#session;
    const { text, edited } = await this.#edit(this.#replacement);
    if (edited === text) return terminal.print(`${this.path} says so already.`);
    const { red, green } = terminal.paint;
    terminal.print(`${this.path}:`);
    for (const line of diffLines(text, edited)) {
      if (line === undefined) terminal.print('  …');
      else {
        const style = line.kind === '-' ? red : line.kind === '+' ? green : undefined;
        terminal.print(`${line.kind} ${line.text.replace(/\r$/, '')}`, style);
      }
    }
  }

  /** Makes the file name the new secret. Does nothing where it does. */
  async write(): Promise<void> {
    const { text, edited } = await this.#edit(this.#replacement);
    if (edited === text) return;
    await replaceFile(this.path, text, edited);
    this.#written = { before: text, after: edited };
    this.#say(`Wrote ${this.path}: it names ${this.#replacement.to}.`);
  }

  /** Makes it name the old one again, if this command wrote it: as it was, or in what it has become meanwhile. */
  async takeBack(): Promise<void> {
    const written = this.#written;
    if (written === undefined) return;
    const { from, to, environment } = this.#replacement;
    const { text, edited } = await this.#edit({ from: to, to: from, environment });
    await replaceFile(this.path, text, text === written.after ? written.before : edited);
    this.#written = undefined;
    this.#say(`Wrote ${this.path}: it names ${from} again.`);
  }

  async #edit(replacement: SecretReplacement): Promise<{ text: string; edited: string }> {
    let text: string;
    try {
      text = await readFile(this.path, 'utf8');
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
      throw new CommandFailure(`the routes file ${this.path} cannot be read (${code})`);
    }
    const { text: edited } = await this.#session.ports.replaceSecrets(text, this.path, [
      replacement,
    ]);
    return { text, edited };
  }

  #say(line: string): void {
    if (!this.#session.json) this.#session.terminal.print(line);
  }
}
