import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AppError } from '../../src/core/index.js';
import { recoverAdmin } from '../../src/maintenance.js';
import { TEST_ACTOR as actor, openTestStore, type TestStore } from '../support/open-test-store.js';

let opened: TestStore;
beforeEach(async () => {
  opened = await openTestStore();
});
afterEach(() => opened.cleanUp());

async function create(name: string, more: object = {}): Promise<string> {
  const { id: tokenId, hash: tokenHash } = opened.tokens.mint('admin');
  const command = { actor, name, role: 'admin', tokenId, tokenHash, ...more } as const;
  return (await opened.store.createAdmin(command)).id;
}

test('of two admins that revoke each other at the same moment one stays', async () => {
  for (let round = 0; round < 20; round++) {
    const { items } = await opened.store.listAdmins({ limit: 1000 });
    const left = items.filter(({ revokedAtMs }) => revokedAtMs === null).map(({ id }) => id);
    const pair = [left[0] ?? (await create(`a${round}`)), await create(`b${round}`)];
    const outcomes = await Promise.all(
      pair.map((id) =>
        opened.store.revokeAdmin({ actor, id }).then(
          () => 'revoked',
          (error: unknown) => (error instanceof AppError ? error.code : error),
        ),
      ),
    );
    expect(outcomes.toSorted()).toEqual(['in_use', 'revoked']);
  }
});

test('others than those that can do everything for ever do not count as the last one', async () => {
  const last = await create('last');
  await create('viewer', { role: 'viewer' });
  await create('scoped', { environments: ['staging'] });
  await create('expiring', { expiresAtMs: opened.clock.now() + 1000 });
  await expect(opened.store.revokeAdmin({ actor, id: last })).rejects.toMatchObject({
    code: 'in_use',
  });
  await create('other');
  await opened.store.revokeAdmin({ actor, id: last });
});

test('who has the root key gets a new admin, with the server stopped, and it is audited', async () => {
  const before = await create('recovered-admin');
  const { dataDir, clock } = opened;
  await expect(recoverAdmin({ dataDir, clock })).rejects.toMatchObject({
    code: 'data_folder_locked',
  });
  await opened.store.close();
  const { name, tokenFile } = await recoverAdmin({ dataDir, clock });
  expect([name, tokenFile]).toEqual(['recovered-admin-2', join(dataDir, 'admin-token')]);
  expect(statSync(tokenFile).mode & 0o777).toBe(0o600);
  opened = await opened.reopen();
  const token = readFileSync(tokenFile, 'utf8').trim();
  const found = await opened.store.findAdmin(opened.tokens.idOf(token) ?? '');
  expect(found).toMatchObject({ name, role: 'admin', environments: null, expiresAtMs: null });
  expect(opened.tokens.matches(token, found?.tokenHash ?? new Uint8Array())).toBe(true);
  const { items } = await opened.store.listAudit({ action: 'admin.recover' });
  expect(items).toMatchObject([{ actor: { type: 'system' }, detail: { name } }]);
  await opened.store.revokeAdmin({ actor, id: before });
});

test('recovering makes no data folder and needs the right root key', async () => {
  const { dataDir, clock } = opened;
  await opened.store.close();
  const missing = { dataDir: join(dataDir, 'nothing'), clock };
  await expect(recoverAdmin(missing)).rejects.toMatchObject({ code: 'data_folder_unusable' });
  const rootKey = { type: 'file', file: join(dataDir, 'nothing') } as const;
  await expect(recoverAdmin({ dataDir, clock, rootKey })).rejects.toMatchObject({
    code: 'root_key_missing',
  });
});
