import type { ImportedSource } from '../../src/core/index.js';

/** What a source held, in plain sight: texts, or objects of texts, by name. */
export function readEntries({ entries }: ImportedSource): Record<string, unknown> {
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');
  return Object.fromEntries(
    entries.map(({ name, environment, value }) => [
      environment === undefined ? name : `${name} ${environment}`,
      value.type === 'single'
        ? text(value.value.expose())
        : Object.fromEntries([...value.fields].map(([key, one]) => [key, text(one.expose())])),
    ]),
  );
}
