import { createServer } from 'node:http';
import { describe, expect, it } from 'vitest';
import { readVault } from '../../src/import/index.js';
import { readEntries } from '../support/read-entries.js';
import { listen, startVault, VAULT_TOKEN, type VaultTree } from '../support/vault-stand-in.js';

const TREE: VaultTree = {
  stripe: { value: 'sk', mode: 'live' },
  'shop/db': { password: 'p w', port: 5432 },
  'shop/deep/er/key': { value: 'x' },
  'shop/with space': { value: 'y' },
  'shop/gone': 'deleted',
};

const at = (address: URL, path = '', token = VAULT_TOKEN) => ({
  address,
  mount: 'secret',
  path,
  token,
  namespace: undefined,
  ca: undefined,
});

describe('readVault', () => {
  it('reads every secret of a mount, folder by folder', async () => {
    const source = await readVault(at(await startVault(TREE)));
    expect(readEntries(source)).toEqual({
      stripe: { value: 'sk', mode: 'live' },
      'shop/db': { password: 'p w', port: '5432' },
      'shop/deep/er/key': { value: 'x' },
      'shop/with space': { value: 'y' },
    });
    expect(source.problems).toEqual([]);
    expect(source.notices).toEqual([
      { path: 'shop/gone', message: expect.stringContaining('deleted') },
    ]);
  });

  it('reads a folder, and one secret', async () => {
    const address = await startVault(TREE);
    const folder = await readVault(at(address, '/shop/deep/'));
    expect(Object.keys(readEntries(folder))).toEqual(['shop/deep/er/key']);
    const one = await readVault(at(address, 'stripe'));
    expect(Object.keys(readEntries(one))).toEqual(['stripe']);
    expect(one.problems).toEqual([]);
  });

  it('names the namespace', async () => {
    const address = await startVault(TREE, 'team');
    const source = await readVault({ ...at(address, 'stripe'), namespace: 'team' });
    expect(Object.keys(readEntries(source))).toEqual(['stripe']);
  });

  it('goes on past what the token may not read', async () => {
    const address = await startVault({
      ...TREE,
      'shop/locked': 'forbidden',
      'cellar/': 'forbidden',
    });
    const source = await readVault(at(address));
    expect(source.entries).toHaveLength(4);
    expect(source.problems).toEqual([
      { path: 'shop/locked', message: 'could not be read (the token may not)' },
      { path: 'cellar', message: 'could not be listed (the token may not)' },
    ]);
  });

  it.each([
    ['a wrong token', '', 'wrong', '/', 'could not be listed (the token may not)'],
    ['a path that is not there', 'nowhere', VAULT_TOKEN, 'nowhere', 'holds no secret'],
  ])('says what is wrong with %s', async (_what, path, token, place, message) => {
    const source = await readVault(at(await startVault(TREE), path, token));
    expect(source).toMatchObject({ entries: [], problems: [{ path: place, message }] });
  });

  it('takes a value that is no text for a problem', async () => {
    const source = await readVault(at(await startVault({ a: { list: ['canary'] } })));
    expect(source.problems).toMatchObject([{ path: 'a' }]);
    expect(JSON.stringify(source.problems)).not.toContain('canary');
  });

  it('gives its token to no redirect, and reads no endless answer', async () => {
    let seen = 0;
    const other = await listen(createServer(() => seen++));
    const redirecting = await listen(
      createServer((_request, response) => {
        response.writeHead(307, { location: String(other) }).end();
      }),
    );
    await expect(readVault(at(redirecting))).rejects.toMatchObject({
      code: 'upstream_unreachable',
      message: expect.stringContaining('redirect'),
    });
    expect(seen).toBe(0);
    const endless = await listen(
      createServer((_request, response) => {
        const more = (): void => {
          while (response.write('x'.repeat(65_536)));
        };
        response.on('drain', more);
        more();
      }),
    );
    await expect(readVault(at(endless))).rejects.toMatchObject({ code: 'response_too_large' });
  });

  it('ends where a server names folders within folders for ever', async () => {
    const address = await listen(
      createServer((_request, response) => {
        response.end(JSON.stringify({ data: { keys: ['deeper/'] } }));
      }),
    );
    const source = await readVault(at(address));
    expect(source.problems).toMatchObject([{ message: 'is more than 32 folders deep' }]);
  });
});
