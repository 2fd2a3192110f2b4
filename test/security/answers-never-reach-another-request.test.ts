import { expect, test } from 'vitest';
import { rawClient, requestHead } from '../support/raw-client.js';
import { startRawUpstream } from '../support/raw-upstream.js';
import { apiRoute, startProxyBefore } from '../support/start-proxy.js';
import { campaign } from '../torture/campaigns/poisoned-answers.js';
import { expectClean } from '../torture/expect-clean.js';

test('1,000 attempts to leave a response behind for the next request: none is taken', async () => {
  await expectClean(campaign, 1_000);
});

test('environments and address rules do not share connections', async () => {
  const upstream = await startRawUpstream(({ socket }) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  });
  const rig = await startProxyBefore(upstream.origin);
  await rig.secret('other', { staging: 'x' });
  const environments = {
    production: { upstream: upstream.origin },
    staging: { upstream: upstream.origin, headers: { Authorization: '<<secret:other>>' } },
  };
  const slow = { timeouts: { headersMs: 1234 } };
  await rig.routes([
    apiRoute(upstream.origin, { environments }),
    apiRoute(upstream.origin, { name: 'same', match: { pathPrefix: '/same' } }),
    apiRoute(upstream.origin, { name: 'slow', match: { pathPrefix: '/slow' }, ...slow }),
  ]);
  const staging = await rig.client('staging');
  const client = await rawClient(rig.port);
  for (const [path, token] of [
    ['/api', rig.token],
    ['/same', rig.token],
    ['/api', staging.token],
    ['/slow', rig.token],
    ['/api', rig.token],
  ] as const) {
    client.send(requestHead('GET', path, token));
    expect((await client.response()).status).toBe(200);
  }
  expect(upstream.connections.map(({ received }) => received.match(/^GET/gm)?.length)).toEqual([
    3, 1, 1,
  ]);
});
