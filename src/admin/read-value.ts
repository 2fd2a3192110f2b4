import { z } from '@hono/zod-openapi';
import { AppError, MAX_VALUE_BYTES, SecretValue } from '../core/index.js';

const FIELD_NAME = /^[a-zA-Z][a-zA-Z0-9_-]{0,127}$/;
const MAX_FIELDS = 64;
/** RFC 4648 section 4, padded. */
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

const fields = z
  .record(
    z.string().regex(FIELD_NAME, 'expected a letter, then up to 127 letters, digits, "_" or "-"'),
    z.string(),
  )
  .openapi({ example: { accessKeyId: '…', secretAccessKey: '…' } });

/** The fields of a body that carry a value; exactly one of them. */
export const valueFields = {
  value: z.union([z.string(), fields]).optional().openapi({
    description: 'A text, or an object of texts that routes name as `<<secret:NAME.field>>`',
    writeOnly: true,
  }),
  valueBase64: z.string().optional().openapi({
    description: 'The same for bytes that are not text (RFC 4648, padded)',
    writeOnly: true,
  }),
};

/** A value as the store takes it, and its parts by field ('' = the whole). */
export interface ReadValue {
  readonly value: SecretValue;
  readonly fields: readonly string[];
  /** What a template would place: the whole value under '', or each field under its name. */
  readonly parts: ReadonlyMap<string, SecretValue>;
}

interface ValueFields {
  readonly value?: string | Readonly<Record<string, string>> | undefined;
  readonly valueBase64?: string | undefined;
}

/** Throws `value_invalid` unless a body says in one way what the value is. */
export function requireOneValue(body: ValueFields & { readonly copyFrom?: unknown }): void {
  const given = [body.value, body.valueBase64, body.copyFrom].filter((it) => it !== undefined);
  if (given.length === 1) return;
  throw invalid('value', 'Send exactly one of "value", "valueBase64" and "copyFrom".');
}

/**
 * Makes a value of the fields of a body. Several fields become JSON with sorted keys, so that equal values are
 * equal bytes. Throws `value_invalid`, which never repeats or measures the value.
 */
export function readValue({ value, valueBase64 }: ValueFields): ReadValue {
  if (valueBase64 !== undefined) {
    if (!BASE64.test(valueBase64)) {
      throw invalid(
        'valueBase64',
        '"valueBase64" is not base64 with padding (RFC 4648 section 4).',
      );
    }
    return single(SecretValue.fromBytes(new Uint8Array(Buffer.from(valueBase64, 'base64'))));
  }
  if (typeof value === 'string') return single(fromText(value, 'value'));
  return several(value ?? {});
}

function single(value: SecretValue): ReadValue {
  requireSize(value);
  return { value, fields: [], parts: new Map([['', value]]) };
}

function several(object: Readonly<Record<string, string>>): ReadValue {
  const entries = Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1));
  if (entries.length === 0 || entries.length > MAX_FIELDS) {
    throw invalid('value', `A value with fields has 1 to ${MAX_FIELDS} of them.`);
  }
  const parts = new Map(
    entries.map(([name, text]) => {
      if (text === '') throw invalid(`value.${name}`, `The field "${name}" is empty.`);
      return [name, fromText(text, `value.${name}`)];
    }),
  );
  const value = SecretValue.fromText(JSON.stringify(Object.fromEntries(entries)));
  requireSize(value);
  return { value, fields: entries.map(([name]) => name), parts };
}

function fromText(text: string, path: string): SecretValue {
  // A lone surrogate has no UTF-8 form and would silently become U+FFFD.
  if (/\p{Surrogate}/u.test(text)) {
    throw invalid(path, `"${path}" holds half of a surrogate pair; send bytes as "valueBase64".`);
  }
  return SecretValue.fromText(text);
}

function requireSize(value: SecretValue): void {
  if (value.byteLength === 0)
    throw invalid('value', 'The value is empty; it needs 1 byte or more.');
  if (value.byteLength > MAX_VALUE_BYTES) {
    throw invalid('value', `The value is over the limit of ${MAX_VALUE_BYTES / 1024} KiB.`);
  }
}

function invalid(path: string, message: string): AppError {
  return new AppError('value_invalid', message, { problems: [{ path, message }] });
}
