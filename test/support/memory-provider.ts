import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { SecretValue } from '../../src/core/index.js';
import { type Provider, ProviderError, providerSecret } from '../../src/rotation/index.js';

const Config = z.strictObject({
  account: z.string().min(1),
  rotatorSecret: providerSecret('May make keys').optional(),
  /** A person makes the keys. */
  assisted: z.boolean().default(false),
});
type Config = z.output<typeof Config>;

/** A provider whose keys are in this process: what API and commands are tested with. */
export interface MemoryProvider extends Provider<Config> {
  readonly keys: Map<string, { value: string; state: 'live' | 'disabled' | 'gone' }>;
  /** What the check finds wrong; empty for nothing. */
  problem: string;
}

export function memoryProvider(): MemoryProvider {
  const keys: MemoryProvider['keys'] = new Map();
  let made = 0;
  const set = (keyId: string | null, state: 'live' | 'disabled' | 'gone'): void => {
    const key = keys.get(keyId ?? '');
    if (key !== undefined) key.state = state;
  };
  return {
    id: 'custom',
    title: 'Keys in memory',
    summary: 'For tests.',
    problem: '',
    keys,
    config: Config,
    credentialsOf: ({ rotatorSecret }) => (rotatorSecret === undefined ? {} : { rotatorSecret }),
    recovery: ({ assisted }) => (assisted ? 'assisted' : 'list'),
    fields: () => [],
    principal: async ({ config }) => `memory:${config.account}`,
    async check() {
      const { problem } = this;
      return [
        { ok: true, what: 'list keys', detail: `${keys.size} keys` },
        { ok: problem === '', what: 'make keys', detail: problem === '' ? 'allowed' : problem },
      ];
    },
    async plan() {
      return { keyIds: [...keys.keys()] };
    },
    async mint() {
      made += 1;
      const keyId = `key-${made}`;
      const value = `canary-made-${made}-${randomBytes(12).toString('hex')}`;
      keys.set(keyId, { value, state: 'live' });
      return { value: SecretValue.fromText(value), keyId };
    },
    listKeyIds: async () => [...keys.keys()],
    async verify(_, { value }) {
      const text = Buffer.from(value.expose()).toString();
      if ([...keys.values()].some((key) => key.value === text && key.state === 'live')) return;
      throw new ProviderError('refused', 'The key does not work.', { whatToDo: 'Look at it.' });
    },
    disable: async ({ keyId }) => set(keyId, 'disabled'),
    enable: async ({ keyId }) => set(keyId, 'live'),
    revoke: async ({ keyId }) => set(keyId, 'gone'),
  };
}
