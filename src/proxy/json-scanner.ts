const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const ZERO = 0x30;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** What may come next. */
const State = {
  value: 0,
  firstItem: 1,
  firstKey: 2,
  key: 3,
  colon: 4,
  afterValue: 5,
  string: 6,
  escape: 7,
  hex: 8,
  literal: 9,
  minus: 10,
  zero: 11,
  digits: 12,
  point: 13,
  fraction: 14,
  exponent: 15,
  exponentSign: 16,
  exponentDigits: 17,
  end: 18,
} as const;
type State = (typeof State)[keyof typeof State];

/** What a scanner meets, with offsets from the start of the text. What these throw stops it. */
export interface JsonEvents {
  /** A value begins with this byte. */
  begin(offset: number, first: number): void;
  /** The value that began last and is still open is complete; `end` is the offset after it. */
  complete(end: number): void;
  /** A key as it stands between its quotes, still escaped; only after `wantsKeys` said so. */
  key(raw: Buffer): void;
  /** Whether keys of the object that is open matter. */
  wantsKeys(): boolean;
}

/** At this byte the text is not JSON. */
export class NotJson extends Error {
  readonly offset: number;

  constructor(offset: number) {
    super('not JSON');
    this.offset = offset;
  }
}

/**
 * Reads JSON (RFC 8259, nothing more lenient) piece by piece, without building values: numbers keep their
 * digits, and any depth is taken. That the bytes are UTF-8 is left to check.
 */
export class JsonScanner {
  readonly #events: JsonEvents;
  #state: State = State.value;
  /** Containers that are open: the byte that closes each. */
  readonly #closers: number[] = [];
  #inKey = false;
  #literal = '';
  #literalAt = 0;
  #hexDigits = 0;
  /** Offset of the piece at hand. */
  #base = 0;
  /** Pieces of a key that matters; undefined while none is read. */
  #keyPieces: Buffer[] | undefined;
  #keyFrom = 0;

  constructor(events: JsonEvents) {
    this.#events = events;
  }

  /** Throws `NotJson`, and what the events throw. */
  push(piece: Buffer): void {
    this.#keyFrom = 0;
    let at = 0;
    while (at < piece.length) {
      if (this.#state === State.string) at = this.#skipText(piece, at);
      else at = this.#step(at, piece[at] as number);
    }
    this.#keyPieces?.push(piece.subarray(this.#keyFrom));
    this.#base += piece.length;
  }

  /** Call it after the last piece. Throws `NotJson` for a text that is not complete. */
  end(): void {
    if (this.#isNumberEnd()) this.#complete(this.#base);
    if (this.#state !== State.end) throw new NotJson(this.#base);
  }

  #step(at: number, byte: number): number {
    switch (this.#state) {
      case State.value:
      case State.firstItem:
        if (isSpace(byte)) return at + 1;
        if (byte === CLOSE_LIST && this.#state === State.firstItem) return this.#close(at);
        return this.#begin(at, byte);
      case State.firstKey:
      case State.key:
        if (isSpace(byte)) return at + 1;
        if (byte === CLOSE_OBJECT && this.#state === State.firstKey) return this.#close(at);
        if (byte !== QUOTE) return this.#fail(at);
        this.#inKey = true;
        this.#state = State.string;
        if (this.#events.wantsKeys()) {
          this.#keyPieces = [];
          this.#keyFrom = at + 1;
        }
        return at + 1;
      case State.colon:
        if (isSpace(byte)) return at + 1;
        if (byte !== COLON) return this.#fail(at);
        this.#state = State.value;
        return at + 1;
      case State.afterValue: {
        if (isSpace(byte)) return at + 1;
        const closer = this.#closers.at(-1);
        if (byte === closer) return this.#close(at);
        if (byte !== COMMA) return this.#fail(at);
        this.#state = closer === CLOSE_OBJECT ? State.key : State.value;
        return at + 1;
      }
      case State.escape:
        if (byte === 0x75) {
          this.#hexDigits = 0;
          this.#state = State.hex;
        } else if (ESCAPED.has(byte)) this.#state = State.string;
        else this.#fail(at);
        return at + 1;
      case State.hex:
        if (!isHex(byte)) this.#fail(at);
        if (++this.#hexDigits === 4) this.#state = State.string;
        return at + 1;
      case State.literal:
        if (byte !== this.#literal.charCodeAt(this.#literalAt)) this.#fail(at);
        if (++this.#literalAt === this.#literal.length) this.#complete(this.#base + at + 1);
        return at + 1;
      case State.end:
        if (!isSpace(byte)) this.#fail(at);
        return at + 1;
      default:
        return this.#stepNumber(at, byte);
    }
  }

  /** RFC 8259 section 6. A number ends at the first byte that does not belong to it, which is read again. */
  #stepNumber(at: number, byte: number): number {
    const digit = byte >= ZERO && byte <= 0x39;
    const next = digit ? DIGIT[this.#state] : this.#afterDigits(byte);
    if (next !== undefined) {
      this.#state = this.#state === State.minus && byte === ZERO ? State.zero : next;
      return at + 1;
    }
    if (!this.#isNumberEnd()) this.#fail(at);
    this.#complete(this.#base + at);
    return at;
  }

  #afterDigits(byte: number): State | undefined {
    const state = this.#state;
    const whole = state === State.zero || state === State.digits;
    if (byte === 0x2e) return whole ? State.point : undefined;
    if (byte === 0x65 || byte === 0x45) {
      return whole || state === State.fraction ? State.exponent : undefined;
    }
    if (byte === 0x2b || byte === MINUS) {
      return state === State.exponent ? State.exponentSign : undefined;
    }
    return undefined;
  }

  #isNumberEnd(): boolean {
    const state = this.#state;
    return (
      state === State.zero ||
      state === State.digits ||
      state === State.fraction ||
      state === State.exponentDigits
    );
  }

  #begin(at: number, byte: number): number {
    if (byte === QUOTE) {
      this.#inKey = false;
      this.#state = State.string;
    } else if (byte === OPEN_OBJECT) {
      this.#closers.push(CLOSE_OBJECT);
      this.#state = State.firstKey;
    } else if (byte === OPEN_LIST) {
      this.#closers.push(CLOSE_LIST);
      this.#state = State.firstItem;
    } else if (byte === MINUS) this.#state = State.minus;
    else if (byte === ZERO) this.#state = State.zero;
    else if (byte > ZERO && byte <= 0x39) this.#state = State.digits;
    else {
      const literal = LITERALS.get(byte);
      if (literal === undefined) return this.#fail(at);
      this.#literal = literal;
      this.#literalAt = 1;
      this.#state = State.literal;
    }
    this.#events.begin(this.#base + at, byte);
    return at + 1;
  }

  /** Over what needs no look in a string, up to what does. */
  #skipText(piece: Buffer, from: number): number {
    for (let at = from; at < piece.length; at++) {
      const byte = piece[at] as number;
      if (byte === QUOTE) return this.#endString(piece, at);
      if (byte === BACKSLASH) {
        this.#state = State.escape;
        return at + 1;
      }
      if (byte < 0x20) return this.#fail(at);
    }
    return piece.length;
  }

  #endString(piece: Buffer, at: number): number {
    if (!this.#inKey) {
      this.#complete(this.#base + at + 1);
      return at + 1;
    }
    this.#state = State.colon;
    const pieces = this.#keyPieces;
    if (pieces !== undefined) {
      this.#keyPieces = undefined;
      pieces.push(piece.subarray(this.#keyFrom, at));
      this.#events.key(Buffer.concat(pieces));
    }
    return at + 1;
  }

  #close(at: number): number {
    this.#closers.pop();
    this.#complete(this.#base + at + 1);
    return at + 1;
  }

  #complete(end: number): void {
    this.#events.complete(end);
    this.#state = this.#closers.length === 0 ? State.end : State.afterValue;
  }

  #fail(at: number): never {
    throw new NotJson(this.#base + at);
  }
}

/** Where a digit leads from each state of a number. */
const DIGIT: Partial<Record<State, State>> = {
  [State.minus]: State.digits,
  [State.digits]: State.digits,
  [State.point]: State.fraction,
  [State.fraction]: State.fraction,
  [State.exponent]: State.exponentDigits,
  [State.exponentSign]: State.exponentDigits,
  [State.exponentDigits]: State.exponentDigits,
};

const LITERALS: ReadonlyMap<number, string> = new Map(
  ['true', 'false', 'null'].map((text) => [text.charCodeAt(0), text]),
);

const ESCAPED: ReadonlySet<number> = new Set(Buffer.from('"\\/bfnrt'));

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function isHex(byte: number): boolean {
  const lower = byte | 0x20;
  return (byte >= ZERO && byte <= 0x39) || (lower >= 0x61 && lower <= 0x66);
}
