import type { EchoMatcher } from '../core/index.js';
import { echoFormsOf, maskFor } from './echo-forms.js';

/** A text to look for, and the secret that is named when it is found. */
export interface EchoSource {
  readonly secret: string;
  readonly bytes: Uint8Array;
}

/** Slots of the table: pairs of ASCII characters fall on them almost one to one. */
const SLOTS = 4096;
/** More would skip further and fill more slots: no faster, measured. */
const LONGEST_WINDOW = 32;
/** Entries of the table from here on name a chain of forms, smaller ones say how far to skip. */
const FIRST_CHAIN = 64;
const CHAINS = 256 - FIRST_CHAIN;

interface Form {
  readonly bytes: Buffer;
  readonly secret: string;
  readonly mask: Buffer;
}

/**
 * Wu and Manber's search for many patterns at once (A fast algorithm for multi-pattern searching, TR-94-17):
 * the last two bytes of a window as long as the shortest form say how far the window can move on, which for most
 * texts is nearly its length, so that most bytes are never looked at. Held in two byte arrays of a few kilobytes.
 */
export class WuManberMatcher implements EchoMatcher {
  readonly shortest: number;
  start = 0;
  end = 0;
  secret = '';
  mask: Uint8Array = EMPTY;
  readonly #window: number;
  /** By slot of two bytes. */
  readonly #table: Uint8Array;
  /** By chain, the longest form first. */
  readonly #chains: readonly (readonly Form[])[];
  /** By byte: 1 where no form goes on over it. */
  readonly #borders: Uint8Array;
  /** No fewer bytes than the longest form has. */
  readonly #mostHeld: number;

  constructor(sources: readonly EchoSource[]) {
    const forms = formsOf(sources);
    this.shortest = forms.reduce(
      (least, { bytes }) => Math.min(least, bytes.length),
      Number.POSITIVE_INFINITY,
    );
    const window = Math.min(this.shortest, LONGEST_WINDOW);
    this.#window = window;
    this.#table = new Uint8Array(SLOTS).fill(window - 1);
    const chains: Form[][] = [];
    for (const form of forms) {
      for (let at = 1; at < window - 1; at++) this.#shorten(form.bytes, at, window - 1 - at);
      const slot = slotAt(form.bytes, window - 1);
      const entry = this.#table[slot] as number;
      const chain = entry >= FIRST_CHAIN ? entry - FIRST_CHAIN : chains.length % CHAINS;
      this.#table[slot] = FIRST_CHAIN + chain;
      chains[chain] ??= [];
      chains[chain].push(form);
    }
    for (const chain of chains) chain.sort((a, b) => b.bytes.length - a.bytes.length);
    this.#chains = chains;
    this.#borders = BORDERS.find((borders) => forms.every(within(borders))) ?? NO_BORDERS;
    const longest = forms.reduce((most, { bytes }) => Math.max(most, bytes.length), 0);
    const enough = Math.max(LEAST_HELD_BYTES, 2 ** Math.ceil(Math.log2(longest + 1)));
    this.#mostHeld = longest === 0 ? 0 : enough;
  }

  find(text: Uint8Array, from: number, isLast: boolean): boolean {
    const table = this.#table;
    const { length } = text;
    let at = from + this.#window - 1;
    while (at < length) {
      const entry = table[slotAt(text, at)] as number;
      if (entry < FIRST_CHAIN) {
        at += entry;
        continue;
      }
      const start = at - this.#window + 1;
      const found = this.#try(text, start, entry - FIRST_CHAIN, isLast);
      if (found === true) return true;
      if (found === false) break;
      at++;
    }
    this.start = isLast ? length : Math.max(from, this.#openFrom(text));
    return false;
  }

  /** True: a form stands at `start`. False: one may, and the rest of it is still to come. */
  #try(text: Uint8Array, start: number, chain: number, isLast: boolean): boolean | undefined {
    for (const form of this.#chains[chain] as readonly Form[]) {
      const isWhole = start + form.bytes.length <= text.length;
      if ((!isWhole && isLast) || !agree(text, start, form.bytes)) continue;
      if (!isWhole) return false;
      this.start = start;
      this.end = start + form.bytes.length;
      this.secret = form.secret;
      this.mask = form.mask;
      return true;
    }
    return undefined;
  }

  /**
   * From where on a form may go on in the next piece. Asks only whether any text like the forms may, and never which
   * text: who sees what is held back and what is not would otherwise learn the value letter by letter.
   */
  #openFrom(text: Uint8Array): number {
    const least = Math.max(0, text.length - this.#mostHeld);
    let start = text.length;
    while (start > least && this.#borders[text[start - 1] as number] === 0) start--;
    return start;
  }

  #shorten(bytes: Uint8Array, at: number, skip: number): void {
    const slot = slotAt(bytes, at);
    const entry = this.#table[slot] as number;
    if (entry < FIRST_CHAIN && entry > skip) this.#table[slot] = skip;
  }
}

const EMPTY = new Uint8Array(0);

/** Held are so many or more, in powers of two: a limit that says little of how long a value is. */
const LEAST_HELD_BYTES = 1024;
const NO_BORDERS = new Uint8Array(256);
/** Most values have no blank in them, nearly all others no line break: words and lines are passed on at their end. */
const BORDERS: readonly Uint8Array[] = [
  NO_BORDERS.map((_, byte) => Number(byte <= 0x20)),
  NO_BORDERS.map((_, byte) => Number(byte === 0x0a || byte === 0x0d)),
];

function within(borders: Uint8Array): (form: Form) => boolean {
  return ({ bytes }) => bytes.every((byte) => borders[byte] === 0);
}

function slotAt(text: Uint8Array, at: number): number {
  return (((text[at - 1] as number) << 5) ^ (text[at] as number)) & (SLOTS - 1);
}

/** Whether text and form are the same from `start` on, as far as both go. */
function agree(text: Uint8Array, start: number, form: Uint8Array): boolean {
  const length = Math.min(form.length, text.length - start);
  for (let at = 0; at < length; at++) if (text[start + at] !== form[at]) return false;
  return true;
}

function formsOf(sources: readonly EchoSource[]): Form[] {
  const known = new Map<string, string>();
  for (const { secret, bytes } of sources) {
    for (const form of echoFormsOf(bytes)) if (!known.has(form)) known.set(form, secret);
  }
  return [...known].map(([form, secret]) => ({
    bytes: Buffer.from(form, 'latin1'),
    secret,
    mask: maskBytes(maskFor(form)),
  }));
}

const MASKS = new Map<string, Buffer>();

/** Few texts stand in for all forms. */
function maskBytes(mask: string): Buffer {
  const known = MASKS.get(mask);
  if (known !== undefined) return known;
  const bytes = Buffer.from(mask);
  MASKS.set(mask, bytes);
  return bytes;
}
