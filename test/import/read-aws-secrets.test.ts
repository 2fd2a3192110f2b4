import { createServer } from 'node:http';
import { describe, expect, it } from 'vitest';
import { readAwsSecrets } from '../../src/import/index.js';
import { readEntries } from '../support/read-entries.js';
import { KEY_PAIR, startSecretsManager } from '../support/secrets-manager-stand-in.js';
import { listen } from '../support/vault-stand-in.js';

const HELD = [
  { Name: 'shop/stripe', SecretString: 'sk_1' },
  { Name: 'shop/db', SecretString: '{"user":"u","password":"p","port":5432}' },
  { Name: 'shop/odd', SecretString: '{"nested":{"a":1}}' },
  { Name: 'shop/bytes', SecretBinary: Buffer.from('raw').toString('base64') },
  { Name: 'other', SecretString: 'ü' },
];

const at = (endpoint: URL) => ({
  region: 'eu-west-1',
  endpoint,
  prefix: undefined,
  sessionToken: undefined,
  ca: undefined,
  ...KEY_PAIR,
});

describe('readAwsSecrets', () => {
  it('reads every page, texts, fields and bytes', async () => {
    const source = await readAwsSecrets(at(await startSecretsManager(HELD)));
    expect(source.problems).toEqual([]);
    expect(readEntries(source)).toEqual({
      'shop/stripe': 'sk_1',
      'shop/db': { user: 'u', password: 'p', port: '5432' },
      'shop/odd': '{"nested":{"a":1}}',
      'shop/bytes': 'raw',
      other: 'ü',
    });
  });

  it('reads what begins with a prefix, with a temporary key pair', async () => {
    const endpoint = await startSecretsManager(HELD);
    const source = await readAwsSecrets({ ...at(endpoint), prefix: 'shop/', sessionToken: 't' });
    expect(source.entries).toHaveLength(4);
  });

  it('waits where it asks too often', async () => {
    const endpoint = await startSecretsManager(HELD.slice(0, 1), { throttles: 2 });
    expect(readEntries(await readAwsSecrets(at(endpoint)))).toEqual({ 'shop/stripe': 'sk_1' });
  });

  it('gives up where it is refused for ever', async () => {
    const endpoint = await startSecretsManager(HELD, { throttles: 1000 });
    await expect(readAwsSecrets(at(endpoint))).rejects.toMatchObject({
      code: 'upstream_unreachable',
      message: expect.stringContaining('ThrottlingException'),
    });
  });

  it('goes on past what may not be read, and never repeats the message', async () => {
    const endpoint = await startSecretsManager([
      { Name: 'a', refused: 'AccessDeniedException' },
      { Name: 'b', refused: 'ResourceNotFoundException' },
      { Name: 'c', SecretString: 'x' },
    ]);
    const source = await readAwsSecrets(at(endpoint));
    expect(readEntries(source)).toEqual({ c: 'x' });
    expect(source.problems).toEqual([
      { path: 'a', message: 'could not be read (AccessDeniedException)' },
    ]);
    expect(source.notices).toMatchObject([{ path: 'b' }]);
  });

  it('says that the key pair is refused', async () => {
    const endpoint = await startSecretsManager(HELD);
    const wrong = { ...at(endpoint), secretAccessKey: 'wrong' };
    await expect(readAwsSecrets(wrong)).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  it('ends where pages never do', async () => {
    const endpoint = await listen(
      createServer((_request, response) => {
        response.end(JSON.stringify({ SecretList: [{ Name: 'a' }], NextToken: 'more' }));
      }),
    );
    await expect(readAwsSecrets(at(endpoint))).rejects.toMatchObject({
      code: 'response_too_large',
    });
  });
});
