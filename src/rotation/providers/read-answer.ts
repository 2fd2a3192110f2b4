import { MAX_VALUE_BYTES, SecretValue } from '../../core/index.js';
import type { Minted } from '../provider.js';
import { valueOfFields } from '../secret-text.js';

/** A JSON object; undefined for anything else. */
export function readObject(body: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const found: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
    return isObject(found) ? found : undefined;
  } catch {
    return undefined;
  }
}

export function isObject(found: unknown): found is Readonly<Record<string, unknown>> {
  return typeof found === 'object' && found !== null && !Array.isArray(found);
}

/** What is wrong with a member of an answer: names what was expected, never what was found. */
export class BadAnswer extends Error {}

/** The value of a version: a text, or an object of texts where the config names fields. Throws `BadAnswer`. */
export function readValue(
  found: unknown,
  fields: readonly string[],
  name: string,
): Pick<Minted, 'value' | 'fields'> {
  if (fields.length === 0) {
    if (!isText(found)) throw new BadAnswer(`"${name}" must be a text that is not empty`);
    return { value: sized(SecretValue.fromText(found), name) };
  }
  if (!isObject(found)) throw new BadAnswer(`"${name}" must be an object of ${list(fields)}`);
  const others = Object.keys(found).length !== fields.length;
  if (others || !fields.every((field) => Object.hasOwn(found, field) && isText(found[field]))) {
    throw new BadAnswer(
      `"${name}" must have ${list(fields)}, each a text that is not empty, and no more`,
    );
  }
  const value = valueOfFields(found as Readonly<Record<string, string>>);
  return { value: sized(value, name), fields };
}

function sized(value: SecretValue, name: string): SecretValue {
  if (value.byteLength <= MAX_VALUE_BYTES) return value;
  throw new BadAnswer(`"${name}" must have ${MAX_VALUE_BYTES} bytes at most`);
}

/** A lone surrogate would be stored as another character. */
export function isText(found: unknown): found is string {
  return typeof found === 'string' && found !== '' && !/\p{Surrogate}/u.test(found);
}

const RFC_3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)$/;

/** Undefined for null or nothing. Throws `BadAnswer`. */
export function readExpiry(found: unknown, name: string, nowMs: number): number | undefined {
  if (found === undefined || found === null) return undefined;
  const atMs = typeof found === 'string' && RFC_3339.test(found) ? Date.parse(found) : Number.NaN;
  if (atMs > nowMs) return atMs;
  throw new BadAnswer(`"${name}" must be a time to come, as in 2030-01-31T12:00:00Z`);
}

const KEY_ID = /^[!-~]{1,200}$/;

/** The name of a key: visible ASCII, or a whole number; undefined for null or nothing. Throws `BadAnswer`. */
export function readKeyId(found: unknown, name: string): string | undefined {
  if (found === undefined || found === null) return undefined;
  const text = Number.isSafeInteger(found) ? String(found) : found;
  if (typeof text === 'string' && KEY_ID.test(text)) return text;
  throw new BadAnswer(`"${name}" must be 1 to 200 visible ASCII characters without a space`);
}

/** Throws `BadAnswer`. */
export function readKeyIds(found: unknown, name: string): readonly string[] {
  if (!Array.isArray(found)) throw new BadAnswer(`"${name}" must be a list of ids`);
  return found.map((each: unknown) => {
    const id = readKeyId(each, name);
    if (id === undefined) throw new BadAnswer(`"${name}" must be a list of ids`);
    return id;
  });
}

function list(fields: readonly string[]): string {
  return fields.map((field) => `"${field}"`).join(', ');
}
