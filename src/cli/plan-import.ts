import type { SecretAnswer } from '../core/index.js';
import { MAX_VALUE_BYTES } from '../core/index.js';
import type { ApiClient } from './api-client.js';
import type { NamedEntry } from './import-name.js';

/** What an import will do with one value. */
export interface PlannedValue extends NamedEntry {
  readonly bytes: number;
  readonly action: 'new secret' | 'first version' | 'next version' | 'too large';
}

/** Compares what was read with what the server has: names only. */
export async function planImport(
  api: ApiClient,
  named: readonly NamedEntry[],
): Promise<readonly PlannedValue[]> {
  const secrets = await api.listPaged<SecretAnswer>('/v1/secrets');
  const held = new Map(
    secrets.map(({ name, environments }) => [
      name,
      new Set(environments.map(({ environment }) => environment)),
    ]),
  );
  return named.map((one) => {
    const bytes = bytesOf(one);
    const environments = held.get(one.name);
    if (bytes > MAX_VALUE_BYTES) return { ...one, bytes, action: 'too large' };
    if (environments === undefined) return { ...one, bytes, action: 'new secret' };
    const action = environments.has(one.environment) ? 'next version' : 'first version';
    return { ...one, bytes, action };
  });
}

function bytesOf({ entry: { value } }: NamedEntry): number {
  if (value.type === 'single') return value.value.byteLength;
  let bytes = 0;
  for (const field of value.fields.values()) bytes += field.byteLength;
  return bytes;
}
