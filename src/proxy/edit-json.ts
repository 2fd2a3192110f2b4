import { isUtf8 } from 'node:buffer';
import { AppError, type JsonField, type JsonFields } from '../core/index.js';
import { type JsonEvents, JsonScanner, NotJson } from './json-scanner.js';

const OPEN_OBJECT = 0x7b;
const OPEN_LIST = 0x5b;

/** Bytes to put in place of those from `start` to `end`. */
interface Edit {
  readonly start: number;
  readonly end: number;
  readonly bytes: readonly Uint8Array[];
}

/** A value on the way to fields that are set, or one of them. */
interface Open {
  readonly start: number;
  /** The value to put in its place; undefined on the way. */
  readonly value: Uint8Array | undefined;
  readonly fields: JsonFields;
  readonly isList: boolean;
  readonly seen: Set<string>;
  /** Items or members so far. */
  count: number;
  /** Where the last of them ends. */
  lastEnd: number;
}

const NO_FIELDS: JsonFields = new Map();
const COMMA = Buffer.from(',');

/**
 * Sets fields in a JSON text that comes piece by piece, in place: all other bytes stay as they are. A field
 * that is missing is added at the end of its object, with the objects on the way to it. What another reader
 * could understand otherwise is refused: text that is not JSON by RFC 8259, a field that is there twice, also
 * in another case (some readers fold it).
 */
export class JsonEditor implements JsonEvents {
  readonly #fields: JsonFields;
  readonly #scanner: JsonScanner;
  readonly #edits: Edit[] = [];
  /** A value that matters to nobody is undefined. */
  readonly #open: (Open | undefined)[] = [];
  /** What the key before the next value named. */
  #next: JsonField | undefined;

  constructor(fields: JsonFields) {
    this.#fields = fields;
    this.#scanner = new JsonScanner(this);
  }

  /** Takes the next piece of the text. Throws `request_rejected`. */
  push(piece: Buffer): void {
    try {
      this.#scanner.push(piece);
    } catch (error) {
      throw rejectionOf(error);
    }
  }

  /** The text with its fields set, once all of it was pushed. `whole` is that text. Throws `request_rejected`. */
  end(whole: Buffer): Buffer {
    try {
      this.#scanner.end();
    } catch (error) {
      throw rejectionOf(error);
    }
    if (!isUtf8(whole)) throw refusal('The body is not UTF-8, as JSON has to be.');
    const pieces: Uint8Array[] = [];
    let from = 0;
    for (const { start, end, bytes } of this.#edits) {
      pieces.push(whole.subarray(from, start), ...bytes);
      from = end;
    }
    return Buffer.concat([...pieces, whole.subarray(from)]);
  }

  begin(offset: number, first: number): void {
    if (this.#open.length === 0) {
      this.#open.push(enter(offset, first, this.#fields));
      return;
    }
    const field = this.#fieldOfNext(this.#open.at(-1));
    if (field === undefined) this.#open.push(undefined);
    else if (field.fields !== undefined) this.#open.push(enter(offset, first, field.fields));
    else this.#open.push(opened(offset, field.value, NO_FIELDS, false));
  }

  complete(end: number): void {
    const done = this.#open.pop();
    const parent = this.#open.at(-1);
    if (parent !== undefined) {
      parent.count++;
      parent.lastEnd = end;
    }
    if (done === undefined) return;
    if (done.value !== undefined) {
      this.#edits.push({ start: done.start, end, bytes: [done.value] });
    } else this.#addMissing(done);
  }

  wantsKeys(): boolean {
    const parent = this.#open.at(-1);
    return parent !== undefined && parent.fields.size > 0;
  }

  key(raw: Buffer): void {
    const parent = this.#open.at(-1);
    if (parent === undefined) return;
    const key = JSON.parse(`"${raw.toString('utf8')}"`) as string;
    const field = parent.fields.get(key);
    if (field === undefined) {
      const folded = key.toLowerCase();
      for (const name of parent.fields.keys()) if (name.toLowerCase() === folded) throw twice(name);
    } else if (parent.seen.has(key)) throw twice(key);
    else parent.seen.add(key);
    this.#next = field;
  }

  #fieldOfNext(parent: Open | undefined): JsonField | undefined {
    if (parent?.isList !== true) {
      const field = this.#next;
      this.#next = undefined;
      return field;
    }
    const index = String(parent.count);
    const field = parent.fields.get(index);
    if (field !== undefined) parent.seen.add(index);
    return field;
  }

  #addMissing({ fields, seen, isList, count, start, lastEnd }: Open): void {
    const bytes: Uint8Array[] = [];
    for (const [key, { member }] of fields) {
      if (seen.has(key)) continue;
      if (isList) {
        throw refusal(`A list in the body has no item ${quote(key)}, which this route sets.`);
      }
      if (count > 0 || bytes.length > 0) bytes.push(COMMA);
      bytes.push(member);
    }
    if (bytes.length === 0) return;
    const at = count === 0 ? start + 1 : lastEnd;
    this.#edits.push({ start: at, end: at, bytes });
  }
}

function enter(start: number, first: number, fields: JsonFields): Open {
  if (first !== OPEN_OBJECT && first !== OPEN_LIST) {
    const names = [...fields.keys()].map(quote).join(', ');
    throw refusal(`The body holds no object where this route sets ${names}.`);
  }
  return opened(start, undefined, fields, first === OPEN_LIST);
}

function opened(
  start: number,
  value: Uint8Array | undefined,
  fields: JsonFields,
  isList: boolean,
): Open {
  return { start, value, fields, isList, seen: new Set(), count: 0, lastEnd: start };
}

function twice(name: string): AppError {
  return refusal(
    `The body holds the field ${quote(name)}, which this route sets, more than once or in another case.`,
  );
}

function rejectionOf(error: unknown): unknown {
  if (!(error instanceof NotJson)) return error;
  return refusal(
    `The body is not JSON (at byte ${error.offset + 1}), and this route sets fields in it.`,
  );
}

function refusal(detail: string): AppError {
  return new AppError('request_rejected', `${detail} Nothing was sent.`);
}

/** Keys of the route, never of the request. */
function quote(name: string): string {
  return JSON.stringify(name);
}
