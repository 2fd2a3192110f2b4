import { afterEach, beforeEach, expect, test } from 'vitest';
import { SESSION_IDLE_MS, SESSION_LASTS_MS, SIGN_IN_LINK_LASTS_MS } from '../../src/core/index.js';
import { openTestStore, TEST_ACTOR, type TestStore } from '../support/open-test-store.js';

let opened: TestStore;
let adminId: string;
beforeEach(async () => {
  opened = await openTestStore();
  const { id, hash } = opened.tokens.mint('admin');
  const command = { actor: TEST_ACTOR, name: 'somebody', role: 'admin', tokenId: id } as const;
  adminId = (await opened.store.createAdmin({ ...command, tokenHash: hash })).id;
});
afterEach(() => opened.cleanUp());

async function signIn(): Promise<string> {
  const { id, hash } = opened.tokens.mint('session');
  await opened.store.startSession({ origin: 'token', adminId, tokenId: id, tokenHash: hash });
  return id;
}

test('a session ends after an hour without a request', async () => {
  const idle = await signIn();
  opened.clock.advance(SESSION_IDLE_MS - 1);
  expect((await opened.store.findSession(idle))?.admin.id).toBe(adminId);
  opened.clock.advance(SESSION_IDLE_MS - 1);
  expect(await opened.store.findSession(idle)).toBeDefined();
  opened.clock.advance(SESSION_IDLE_MS);
  expect(await opened.store.findSession(idle)).toBeUndefined();
});

test('a session ends after twelve hours however busy it is', async () => {
  const busy = await signIn();
  const step = SESSION_IDLE_MS / 2;
  for (let at = step; at < SESSION_LASTS_MS; at += step) {
    opened.clock.advance(step);
    expect(await opened.store.findSession(busy)).toBeDefined();
  }
  opened.clock.advance(step);
  expect(await opened.store.findSession(busy)).toBeUndefined();
  expect((await opened.store.listSessions({})).items).toEqual([]);
});

test('a link lives for two minutes', async () => {
  const { id, hash } = opened.tokens.mint('session');
  await opened.store.createSignInLink({
    actor: TEST_ACTOR,
    adminId,
    tokenId: id,
    tokenHash: hash,
  });
  opened.clock.advance(SIGN_IN_LINK_LASTS_MS - 1);
  const found = await opened.store.findSignInLink(id);
  expect(found).toBeDefined();
  opened.clock.advance(1);
  expect(await opened.store.findSignInLink(id)).toBeUndefined();
  const session = opened.tokens.mint('session');
  await expect(
    opened.store.startSession({
      origin: 'link',
      linkId: found?.id ?? '',
      tokenId: session.id,
      tokenHash: session.hash,
    }),
  ).rejects.toMatchObject({ code: 'unauthenticated' });
});
