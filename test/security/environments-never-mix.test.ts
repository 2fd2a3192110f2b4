import { expect, test } from 'vitest';
import { rawClient, requestHead } from '../support/raw-client.js';
import { apiRoute, startProxy } from '../support/start-proxy.js';
import { startUpstream } from '../support/start-upstream.js';
import { campaign } from '../torture/campaigns/environment-flips.js';
import { expectClean } from '../torture/expect-clean.js';

test('nothing in a request chooses an environment, a host or a route', async () => {
  const upstream = await startUpstream((_request, response) => void response.end('ok'));
  const other = await startUpstream((_request, response) => void response.end('other'));
  const rig = await startProxy();
  await rig.secret('api_key', { production: 'live', staging: 'test' });
  await rig.routes([
    apiRoute(upstream.origin, {
      environments: {
        production: { upstream: upstream.origin },
        staging: { upstream: other.origin },
      },
    }),
  ]);
  const { token } = await rig.client('production');
  const client = await rawClient(rig.port);
  const otherHost = other.origin.slice('http://'.length);
  for (const line of [
    'Keyferry-Environment: staging',
    'X-Environment: staging',
    `X-Forwarded-Host: ${otherHost}`,
    `X-Original-URL: http://${otherHost}/`,
    'X-Rewrite-URL: /other',
    `X-HTTP-Method-Override: DELETE`,
  ]) {
    client.send(requestHead('GET', '/api?environment=staging', token, [line]));
    expect(await client.response()).toMatchObject({ status: 200, body: 'ok' });
  }
  client.send(`GET /api HTTP/1.1\r\nHost: ${otherHost}\r\nKeyferry-Token: ${token}\r\n\r\n`);
  expect(await client.response()).toMatchObject({ status: 200, body: 'ok' });
  expect(other.connections).toBe(0);
  expect(upstream.seen.every(({ headers }) => headers.authorization === 'Bearer live')).toBe(true);
  const hosts = upstream.seen.map(({ headers }) => headers.host);
  expect(new Set(hosts)).toEqual(new Set([upstream.origin.slice('http://'.length)]));
  const methods = upstream.seen.map(({ method }) => method);
  expect(new Set(methods)).toEqual(new Set(['GET']));
});

test('1,000 requests that alternate between environments under reloads: no value in the wrong place', async () => {
  await expectClean(campaign, 1_000);
});

test('1,000 requests of two environments at once, answered in another order: no value is mixed up', async () => {
  const rig = await startProxy({ limits: { maxEventLoopDelayMs: 0 } });
  await rig.secret('api_key', { production: 'live-value', staging: 'test-value' });
  const waiting: (() => void)[] = [];
  const upstream = await startUpstream(({ headers, target }, response) => {
    waiting.push(() => void response.end(`${target} ${headers.authorization}`));
    if (waiting.length === 1000) for (const answer of waiting.reverse()) answer();
  });
  const environments = {
    production: { upstream: upstream.origin },
    staging: { upstream: upstream.origin },
  };
  await rig.routes([apiRoute(upstream.origin, { environments, echoScrub: 'off' })]);
  const { token: live } = await rig.client('production');
  const { token: trial } = await rig.client('staging');
  const answers = await Promise.all(
    Array.from({ length: 100 }, async (_, connection) => {
      const client = await rawClient(rig.port);
      const numbers = Array.from({ length: 10 }, (_, i) => connection * 10 + i);
      // Both tokens on each connection, one after the other without waiting.
      for (const n of numbers) {
        client.send(requestHead('GET', `/api/${n}`, n % 2 === 0 ? live : trial));
      }
      const bodies: string[] = [];
      for (const _ of numbers) bodies.push((await client.response()).body);
      return bodies;
    }),
  );
  const expected = (n: number) => `/${n} Bearer ${n % 2 === 0 ? 'live' : 'test'}-value`;
  expect(answers.flat()).toEqual(Array.from({ length: 1000 }, (_, n) => expected(n)));
});
