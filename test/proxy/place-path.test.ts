import { expect, test } from 'vitest';
import type { Route, RouteEnvironment } from '../../src/core/index.js';
import { rawClient, requestHead } from '../support/raw-client.js';
import { type RawUpstream, startRawUpstream } from '../support/raw-upstream.js';
import { type ProxyRig, startProxy } from '../support/start-proxy.js';

const BOT_TOKEN = '123456:AAH-x_Y/z+%é';
const SPELT = '123456%3AAAH-x_Y%2Fz%2B%25%C3%A9';

const answering = () =>
  startRawUpstream(({ socket }) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  });

const lastTarget = ({ received }: RawUpstream): string | undefined =>
  [...received.matchAll(/^[A-Z]+ (\S+) HTTP/gm)].at(-1)?.[1];

function botRoute(origin: string, more: Partial<Route & RouteEnvironment> = {}): Route {
  return {
    name: 'bot',
    match: { pathPrefix: '/telegram' },
    path: '/bot<<secret:bot_token>>',
    environments: { production: { upstream: origin } },
    ...more,
  };
}

async function startBot(
  origin: string,
  more: Partial<Route & RouteEnvironment> = {},
  value = BOT_TOKEN,
): Promise<ProxyRig & { readonly token: string }> {
  const rig = await startProxy();
  await rig.secret('bot_token', { production: value });
  await rig.routes([botRoute(origin, { allowPrivateNetwork: true, ...more })]);
  return { ...rig, token: (await rig.client('production')).token };
}

test('the value is one segment before the path of the request', async () => {
  const upstream = await answering();
  const { port, token, decisions, ended } = await startBot(upstream.origin);
  const client = await rawClient(port);
  const expected = [
    ['/telegram/sendMessage?chat=1', `/bot${SPELT}/sendMessage?chat=1`],
    ['/telegram', `/bot${SPELT}`],
    ['/telegram/', `/bot${SPELT}/`],
    ['/telegram/a%2fb', `/bot${SPELT}/a%2fb`],
  ] as const;
  for (const [target, sent] of expected) {
    client.send(requestHead('GET', target, token));
    expect(await client.response()).toMatchObject({ status: 200 });
    expect(lastTarget(upstream)).toBe(sent);
  }
  await ended(expected.length);
  expect(JSON.stringify(decisions)).not.toContain('AAH');
  expect(decisions.at(-1)).toMatchObject({ secrets: ['bot_token@1'], route: 'bot' });
});

test('the token may come in place of it, where an SDK puts its own', async () => {
  const upstream = await answering();
  const { port, token } = await startBot(upstream.origin);
  const client = await rawClient(port);
  client.send(`GET /telegram/bot${token}/getMe HTTP/1.1\r\nHost: k\r\n\r\n`);
  expect(await client.response()).toMatchObject({ status: 200 });
  expect(lastTarget(upstream)).toBe(`/bot${SPELT}/getMe`);
  client.send(`GET /telegram/bot${token} HTTP/1.1\r\nHost: k\r\n\r\n`);
  expect(await client.response()).toMatchObject({ status: 200 });
  expect(lastTarget(upstream)).toBe(`/bot${SPELT}`);
  // Elsewhere it is no credential, and stays here.
  for (const target of [`/telegram/x/bot${token}`, `/telegram/bot${token}x/y`]) {
    client.send(`GET ${target} HTTP/1.1\r\nHost: k\r\n\r\n`);
    expect(await client.response()).toMatchObject({ status: 401 });
  }
  client.send(requestHead('GET', `/telegram/x/bot${token}`, token));
  expect(await client.response()).toMatchObject({ status: 400 });
  expect(upstream.received).not.toContain('kfc_');
});

test('it stands between the path of the upstream and the rest, also without stripPrefix', async () => {
  const upstream = await answering();
  const { port, token } = await startBot(upstream.origin, {
    stripPrefix: false,
    environments: { production: { upstream: `${upstream.origin}/base` } },
  });
  const client = (await rawClient(port)).send(requestHead('GET', '/telegram/x', token));
  expect(await client.response()).toMatchObject({ status: 200 });
  expect(lastTarget(upstream)).toBe(`/base/bot${SPELT}/telegram/x`);
});

test('several templates, functions, and an environment of its own', async () => {
  const upstream = await answering();
  const { port, token } = await startBot(
    upstream.origin,
    {
      path: '/never/<<secret:other>>',
      environments: {
        production: {
          upstream: upstream.origin,
          path: '/t/<<secret:bot_token>>/<<base64:bot_token>>.x/<<basic:bot_token,bot_token>>',
        },
      },
    },
    'a b/',
  );
  const base64 = encodeURIComponent(Buffer.from('a b/').toString('base64'));
  const basic = encodeURIComponent(`Basic ${Buffer.from('a b/:a b/').toString('base64')}`);
  const client = await rawClient(port);
  client.send(requestHead('GET', '/telegram/x', token));
  expect(await client.response()).toMatchObject({ status: 200 });
  expect(lastTarget(upstream)).toBe(`/t/a%20b%2F/${base64}.x/${basic}/x`);
  client.send(`GET /telegram/t/${token}/${token}.x/${token} HTTP/1.1\r\nHost: k\r\n\r\n`);
  expect(await client.response()).toMatchObject({ status: 200 });
  expect(lastTarget(upstream)).toBe(`/t/a%20b%2F/${base64}.x/${basic}`);
});

test.each([
  '..',
  '.',
  'a/../b',
  '..%2fadmin',
  '..;x',
  '%2e%2e',
  '%252e%252e/x',
  'a\\..\\b',
  '..?x',
  '.#',
  '.. ',
  '.%0a./x',
  'a\0',
])('the value %j fails the route: a server might take it for a dot segment', async (value) => {
  const upstream = await answering();
  const { port, token } = await startBot(upstream.origin, { path: '/<<secret:bot_token>>' }, value);
  const client = (await rawClient(port)).send(requestHead('GET', '/telegram/x', token));
  const answer = await client.response();
  expect(answer).toMatchObject({ status: 500 });
  expect(answer.body).toContain('cannot be placed in the path');
  if (value.length > 2) expect(answer.body).not.toContain(JSON.stringify(value).slice(1, -1));
  expect(upstream.connections).toHaveLength(0);
});
