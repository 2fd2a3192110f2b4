import { readdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MIGRATIONS_FOLDER } from '../../src/store/sqlite/migrate.js';
import { TEST_ACTOR as actor, openTestStore, type TestStore } from '../support/open-test-store.js';

let opened: TestStore;
beforeEach(async () => {
  opened = await openTestStore();
});
afterEach(() => opened.cleanUp());

const newClient = (name: string) => {
  const { id: tokenId, hash: tokenHash, token } = opened.tokens.mint('client');
  return { command: { actor, name, environment: 'staging', tokenId, tokenHash }, token };
};

describe('routes', () => {
  test('are kept as numbered revisions, the newest of which is applied', async () => {
    const { store } = opened;
    expect(await store.currentRoutes()).toBeUndefined();
    const apply = (prefix: string, more: { ifRevision?: number; restores?: number } = {}) =>
      store.applyRoutes({
        actor,
        document: { routes: [{ name: 'a', match: { pathPrefix: prefix }, environments: {} }] },
        references: [],
        source: 'api',
        ...more,
      });
    expect((await apply('/one')).revision).toBe(1);
    expect((await apply('/two', { ifRevision: 1 })).revision).toBe(2);
    await expect(apply('/three', { ifRevision: 1 })).rejects.toMatchObject({
      code: 'precondition_failed',
    });
    await apply('/one', { restores: 1 });
    expect(await store.currentRoutes()).toMatchObject({
      revision: 3,
      restores: 1,
      createdBy: 'tester',
      document: { routes: [{ match: { pathPrefix: '/one' } }] },
    });
    expect(await store.getRevision(2)).toMatchObject({ revision: 2 });
    expect(await store.getRevision(9)).toBeUndefined();
    const page = await store.listRevisions({ limit: 2 });
    expect(page.items.map(({ revision }) => revision)).toEqual([3, 2]);
    const rest = await store.listRevisions({ cursor: page.nextCursor ?? undefined });
    expect(rest.items.map(({ revision }) => revision)).toEqual([1]);
  });

  test('keep the environments that they name', async () => {
    const { store } = opened;
    await store.applyRoutes({
      actor,
      document: {
        routes: [
          {
            name: 'a',
            match: { pathPrefix: '/a' },
            environments: { staging: { upstream: 'https://example.com' } },
          },
        ],
      },
      references: [],
      source: 'file',
    });
    await expect(store.deleteEnvironment({ actor, name: 'staging' })).rejects.toMatchObject({
      code: 'environment_not_empty',
      message: expect.stringContaining('still holds 1 applied route.'),
    });
  });
});

describe('clients', () => {
  test('are found with their token hashes until they are revoked', async () => {
    const { store, tokens } = opened;
    const { command, token } = newClient('shop');
    const client = await store.createClient({ ...command, routes: ['a'], cidrs: ['10.0.0.0/8'] });
    expect(client).toMatchObject({ name: 'shop', routes: ['a'], revokedAtMs: null });
    const [credential] = await store.clientCredentials();
    expect(credential?.tokenId).toBe(tokens.idOf(token));
    expect(tokens.matches(token, credential?.tokenHash ?? new Uint8Array())).toBe(true);
    await expect(store.createClient(newClient('shop').command)).rejects.toMatchObject({
      code: 'name_taken',
    });
    await store.revokeClient({ actor, id: client.id });
    await store.revokeClient({ actor, id: client.id });
    expect(await store.clientCredentials()).toEqual([]);
    expect(await store.clientCredentials([client.id, 'nobody'])).toEqual([]);
    expect((await store.getClient(client.id))?.revokedAtMs).toBe(opened.clock.now());
    await store.createClient(newClient('shop').command);
    expect((await store.listClients({})).items).toHaveLength(2);
    expect((await store.listClients({ environments: ['production'] })).items).toEqual([]);
    await expect(store.revokeClient({ actor, id: 'nobody' })).rejects.toMatchObject({
      code: 'not_found',
    });
  });
});

describe('admins', () => {
  test('are found by the public id of their token', async () => {
    const { store, tokens } = opened;
    const { token, id: tokenId, hash: tokenHash } = tokens.mint('admin');
    const admin = await store.createAdmin({
      actor,
      name: 'alice',
      role: 'operator',
      environments: ['staging'],
      secretPrefix: 'web_',
      tokenId,
      tokenHash,
    });
    const found = await store.findAdmin(tokens.idOf(token) ?? '');
    expect(found).toMatchObject({ ...admin, role: 'operator', environments: ['staging'] });
    expect(tokens.matches(token, found?.tokenHash ?? new Uint8Array())).toBe(true);
    await store.revokeAdmin({ actor, id: admin.id });
    expect((await store.findAdmin(tokenId))?.revokedAtMs).toBe(opened.clock.now());
    expect((await store.listAdmins({})).items).toHaveLength(1);
    expect(await store.findAdmin('unknown')).toBeUndefined();
  });
});

describe('the change log', () => {
  test('names what changed, in order, and says when a reader must begin anew', async () => {
    const { store } = opened;
    const start = await store.latestChange();
    await store.createSecret({ actor, name: 'a' });
    const client = await store.createClient(newClient('shop').command);
    expect(await store.changesSince(start)).toEqual([
      { seq: start + 1, kind: 'secret', secret: 'a' },
      { seq: start + 2, kind: 'client', clientId: client.id },
    ]);
    expect(await store.latestChange()).toBe(start + 2);
    expect(await store.changesSince(start + 2)).toEqual([]);
    expect(await store.changesSince(start + 3)).toBeUndefined();
  });
});

describe('idempotency keys', () => {
  test('run a command once and replay its answer', async () => {
    const { store, clock } = opened;
    const key = { key: 'k', actorId: 'alice' };
    const begin = (fingerprint = 'f') => store.beginIdempotent({ ...key, fingerprint });
    expect(await begin()).toEqual({ type: 'fresh' });
    await expect(begin()).rejects.toMatchObject({ code: 'idempotency_unfinished' });
    await expect(begin('other')).rejects.toMatchObject({ code: 'idempotency_mismatch' });
    await store.finishIdempotent({ ...key, answer: { status: 201, body: '{}' } });
    expect(await begin()).toEqual({ type: 'replay', status: 201, body: '{}' });
    expect(await store.beginIdempotent({ key: 'k', actorId: 'bob', fingerprint: 'f' })).toEqual({
      type: 'fresh',
    });
    await store.finishIdempotent({ key: 'k', actorId: 'bob', answer: undefined });
    expect(await store.beginIdempotent({ key: 'k', actorId: 'bob', fingerprint: 'g' })).toEqual({
      type: 'fresh',
    });
    clock.advance(25 * 3_600_000);
    expect(await begin('other')).toEqual({ type: 'fresh' });
  });
});

describe('a database', () => {
  test('that the store made passes its own checks', async () => {
    expect(await opened.store.check()).toMatchObject({
      journalMode: 'wal',
      synchronous: 'full',
      integrity: 'ok',
      schemaVersion: readdirSync(MIGRATIONS_FOLDER).length,
      secrets: 0,
    });
  });

  test('whose store was closed answers store_unavailable', async () => {
    await opened.store.close();
    await expect(opened.store.listEnvironments()).rejects.toMatchObject({
      code: 'store_unavailable',
    });
    await opened.store.close();
  });
});
