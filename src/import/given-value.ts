import { type GivenValue, SecretValue } from '../core/index.js';

/**
 * Makes a value of what a source holds: a text, or an object of texts, whose keys become its fields. Numbers and
 * booleans are taken as they are written. Undefined for anything else, and for what is empty.
 */
export function givenValue(held: unknown): GivenValue | undefined {
  if (typeof held !== 'object' || held === null) {
    const text = textOf(held);
    return text === undefined ? undefined : { type: 'single', value: SecretValue.fromText(text) };
  }
  if (Array.isArray(held)) return undefined;
  const fields = new Map<string, SecretValue>();
  for (const [name, value] of Object.entries(held)) {
    const text = textOf(value);
    if (text === undefined) return undefined;
    fields.set(name, SecretValue.fromText(text));
  }
  return fields.size === 0 ? undefined : { type: 'fields', fields };
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return typeof value === 'string' && value !== '' ? value : undefined;
}
