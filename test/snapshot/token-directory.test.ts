import { expect, test } from 'vitest';
import type { ClientCredential } from '../../src/core/index.js';
import { TokenDirectory } from '../../src/snapshot/token-directory.js';

const tokens = {
  mint: () => ({ token: 'kfc_a', id: 'a', hash: new Uint8Array([1]) }),
  idOf: (token: string) => token.slice(4, 5),
  matches: (token: string, hash: Uint8Array) => token.length === hash[0],
};
const credential = (more: Partial<ClientCredential>): ClientCredential => ({
  id: 'id',
  name: 'name',
  environment: 'production',
  routes: null,
  cidrs: null,
  limits: null,
  createdAtMs: 0,
  expiresAtMs: null,
  revokedAtMs: null,
  lastUsedAtMs: null,
  tokenId: 'a',
  tokenHash: new Uint8Array([5]),
  ...more,
});

test.each([
  [null, '1.2.3.4', true],
  [['10.0.0.0/8'], '10.1.2.3', true],
  [['10.0.0.0/8'], '11.1.2.3', false],
  [['10.0.0.0/8'], '::ffff:10.1.2.3', true],
  [['10.0.0.0/8'], '::ffff:11.1.2.3', false],
  [['10.0.0.1'], '10.0.0.1', true],
  [['10.0.0.1'], '10.0.0.2', false],
  [['fd00::/8'], 'fd12::1', true],
  [['fd00::/8'], '10.0.0.1', false],
  [['::1'], '::1', true],
  [['0.0.0.0/0'], '::1', false],
  [['10.0.0.0/8'], undefined, false],
])('a client of %j sent from %s', (cidrs, address, allowed) => {
  const directory = new TokenDirectory(tokens);
  directory.replace('id', credential({ cidrs }));
  const client = directory.verify('kfc_a', 'kfc_a');
  // Without networks there is nothing to ask.
  expect(client?.allowsAddress?.(address) ?? true).toBe(allowed);
});

test('long credentials are verified each time, so that they fill no memory', () => {
  const directory = new TokenDirectory(tokens);
  directory.replace('id', credential({}));
  const long = `Bearer ${' '.repeat(300)}kfc_a`;
  expect(directory.verify('kfc_a', long)?.id).toBe('id');
  expect(directory.remembered(long)).toBeUndefined();
  expect(directory.verify('kfc_ab', 'kfc_ab')).toBeUndefined();
  expect(directory.remembered('kfc_ab')).toBeUndefined();
});
