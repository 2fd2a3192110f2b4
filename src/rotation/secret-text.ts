import { SecretValue } from '../core/index.js';

/** A value as the text that a provider is sent. Let the result go at once. */
export function textOf(value: SecretValue): string {
  return new TextDecoder().decode(value.expose());
}

/** The fields of a value that is a JSON object of texts; undefined for any other. */
export function fieldsOf(value: SecretValue): Readonly<Record<string, string>> | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(textOf(value));
  } catch {
    return undefined;
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return undefined;
  const isText = Object.values(parsed).every((field) => typeof field === 'string');
  return isText ? (parsed as Record<string, string>) : undefined;
}

/** A value of several fields: JSON with sorted keys, so that equal fields are equal bytes. */
export function valueOfFields(fields: Readonly<Record<string, string>>): SecretValue {
  const sorted = Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1));
  return SecretValue.fromText(JSON.stringify(Object.fromEntries(sorted)));
}
