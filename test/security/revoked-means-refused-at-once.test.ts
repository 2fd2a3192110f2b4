import { expect, test } from 'vitest';
import { SecretValue } from '../../src/core/index.js';
import { TEST_ACTOR } from '../support/open-test-store.js';
import { rawClient, requestHead } from '../support/raw-client.js';
import { startProxyBefore } from '../support/start-proxy.js';
import { startUpstream } from '../support/start-upstream.js';

const actor = TEST_ACTOR;

test('a token is refused from the moment its revocation is answered', async () => {
  const upstream = await startUpstream((_request, response) => void response.end('ok'));
  const { port, ...rig } = await startProxyBefore(upstream.origin);
  const client = await rawClient(port);
  for (let i = 0; i < 20; i++) {
    const { id, token } = await rig.client('production');
    client.send(requestHead('GET', '/api', token));
    expect((await client.response()).status).toBe(200);
    await rig.store.revokeClient({ actor, id });
    await rig.keeper.catchUp();
    client.send(requestHead('GET', '/api', token));
    expect((await client.response()).status).toBe(401);
  }
});

test('200 changes of the current version: the old value is never used after the answer', async () => {
  const upstream = await startUpstream((_request, response) => void response.end('ok'));
  const { port, token, store, keeper } = await startProxyBefore(upstream.origin);
  const target = { actor, secret: 'api_key', environment: 'production' };
  for (const text of ['value-2', 'value-3']) {
    await store.addVersion({ ...target, value: SecretValue.fromText(text) });
  }
  // Others keep asking all the while.
  let stop = false;
  const load = Promise.all(
    Array.from({ length: 4 }, async () => {
      const client = await rawClient(port);
      while (!stop) {
        client.send(requestHead('GET', '/api/load', token));
        expect((await client.response()).status).toBe(200);
      }
    }),
  );
  const client = await rawClient(port);
  let stale = 0;
  for (let i = 0; i < 200; i++) {
    const version = 2 + (i % 2);
    await store.activateVersion({ ...target, version });
    await keeper.catchUp();
    client.send(requestHead('GET', `/api/${i}`, token));
    await client.response();
    const seen = upstream.seen.findLast(({ target: path }) => path === `/${i}`);
    if (seen?.headers.authorization !== `Bearer value-${version}`) stale++;
  }
  stop = true;
  await load;
  expect(stale).toBe(0);
});
