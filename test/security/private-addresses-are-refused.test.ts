import type { LookupAddress } from 'node:dns';
import { expect, test } from 'vitest';
import { guardedLookup, isDeniedAddress } from '../../src/proxy/guard-address.js';
import { rawClient, requestHead } from '../support/raw-client.js';
import { startProxyBefore } from '../support/start-proxy.js';
import { startUpstream } from '../support/start-upstream.js';
import { campaign } from '../torture/campaigns/rebinding.js';
import { expectClean } from '../torture/expect-clean.js';

const DENIED = `
  0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 127.0.0.1 127.255.255.254
  169.254.0.1 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.170 192.0.2.1 192.88.99.1
  192.168.0.1 192.168.255.255 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1
  239.255.255.255 240.0.0.1 255.255.255.255
  :: ::1 ::127.0.0.1 ::7f00:1 ::ffff:127.0.0.1 ::ffff:7f00:1 ::ffff:10.0.0.1 ::ffff:169.254.169.254
  ::ffff:8.8.8.8 ::ffff:0:127.0.0.1 64:ff9b::7f00:1 64:ff9b::10.0.0.1 64:ff9b:1::1 100::1
  2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:2::1 2001:10::1 2001:20::1 2001:db8::1
  2002:7f00:1:: 2002:a00:1::1 3fff::1 5f00::1 fc00::1 fd00::1 fd00:ec2::254 fe80::1 fe80::1%eth0
  febf::1 fec0::1 ff02::1 ff0e::1 localhost 1.2.3 0x7f000001 2130706433
  192.0.0.9 192.0.0.255 192.31.196.1 192.52.193.1 192.175.48.1 198.51.100.255 203.0.113.255
  100::ffff 100:0:0:1::1 2001:1::1 2001:3::1 2001:4:112::1 2001:1ff::1 2620:4f:8000::1 3fff:fff::1
  1::1 1fff::1 4000::1 5f00:1::1 8000::1 c000::1 e000::1 f000::1 fdff::1 fe00::1
  2001:4860::5efe:10.0.0.1 2001:4860::5efe:7f00:1 2001:4860::200:5efe:192.168.0.1
  2606:4700:1:2:0:5efe:a9fe:a9fe 0:0:0:0:0:ffff:127.0.0.1 ::ffff:0:10.0.0.1`
  .trim()
  .split(/\s+/);

const ALLOWED = `
  1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.1
  169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 191.255.255.255 192.167.255.255 192.169.0.0
  198.17.255.255 198.20.0.0 223.255.255.255
  2001:4860::5efe:8.8.8.8 2001:4860::5eff:10.0.0.1 2001:4860::1:5efe:a00:1 2001:200::1 2001:db9::1
  2001:db7:ffff::1 2003:: 2620:4f:8001::1 3ffe:ffff::1 3fff:1000::1
  2606:4700:4700::1111 2a00:1450:4001:800::200e 2001:4860:4860::8888 2003::1 2400:cb00::1`
  .trim()
  .split(/\s+/);

test('addresses of every class', () => {
  expect(DENIED.filter((address) => !isDeniedAddress(address))).toEqual([]);
  expect(ALLOWED.filter((address) => isDeniedAddress(address))).toEqual([]);
});

test.each([
  'http://127.0.0.1',
  'http://[::1]',
  'http://[::ffff:127.0.0.1]',
  'http://2130706433',
  'http://0x7f.1',
  'http://017700000001',
  'http://127.1',
  'http://0',
  'http://0177.0.0.1',
  'http://0x7f000001',
  'http://127.0.0.1.',
  'http://127\u30020\u30020\u30021',
  'http://\uff11\uff12\uff17.0.0.1',
  'http://%31%32%37.0.0.1',
  'http://[::127.0.0.1]',
  'http://[0:0:0:0:0:0:0:1]',
  'http://[::ffff:7f00:1]',
])('an upstream written as %s is refused where the route does not allow it', async (origin) => {
  const upstream = await startUpstream((_request, response) => void response.end('ok'));
  const { port, token } = await startProxyBefore(`${origin}:${upstream.port}`, {
    allowPrivateNetwork: false,
  });
  const client = (await rawClient(port)).send(requestHead('GET', '/api', token));
  const answer = await client.response();
  expect(answer).toMatchObject({ status: 502 });
  expect(answer.headers['keyferry-error']).toBe('upstream_address_denied');
  expect(upstream.connections).toBe(0);
});

test('1,000 answers that turn private after they were looked at: no connection', async () => {
  await expectClean(campaign, 1_000);
});

test('of several answers only public ones are handed on to be dialled', () => {
  const answers: LookupAddress[] = [
    { address: '10.0.0.1', family: 4 },
    { address: '8.8.8.8', family: 4 },
    { address: '::1', family: 6 },
    { address: '2606:4700:4700::1111', family: 6 },
  ];
  const lookup = guardedLookup((_name, _options, callback) => callback(null, answers));
  const given: unknown[] = [];
  lookup('a.test', { all: true }, (...result) => void given.push(result));
  lookup('a.test', {}, (...result) => void given.push(result));
  expect(given).toEqual([
    [null, [answers[1], answers[3]]],
    [null, '8.8.8.8', 4],
  ]);
});

test('an answer that is another one the next time changes nothing of the first', () => {
  let asked = 0;
  const lookup = guardedLookup((_name, _options, callback) => {
    const address = asked++ % 2 === 0 ? '8.8.8.8' : '127.0.0.1';
    callback(null, [{ address, family: 4 }]);
  });
  const given: unknown[] = [];
  for (let i = 0; i < 1000; i++) {
    lookup('a.test', { all: true }, (error, answer) => {
      given.push(error === null ? answer : error.code);
    });
  }
  expect(asked).toBe(1000);
  const first = [{ address: '8.8.8.8', family: 4 }];
  const expected = Array.from({ length: 1000 }, (_, i) =>
    i % 2 === 0 ? first : 'KEYFERRY_ADDRESS_DENIED',
  );
  expect(given).toEqual(expected);
});

test('a name is looked up once per connection, and what was checked is dialled', async () => {
  const upstream = await startUpstream((_request, response) => void response.end('ok'));
  const { port, token, ...rig } = await startProxyBefore(
    `http://name.test:${upstream.port}`,
    { allowPrivateNetwork: false },
    {
      resolveAll: (_name, _options, callback) =>
        callback(null, [{ address: '127.0.0.1', family: 4 }]),
    },
  );
  const client = (await rawClient(port)).send(requestHead('GET', '/api', token));
  expect((await client.response()).headers['keyferry-error']).toBe('upstream_address_denied');
  // A route that allows it does not lend its connections to one that does not.
  const { origin } = upstream;
  const allowed = { name: 'open', match: { pathPrefix: '/open' }, allowPrivateNetwork: true };
  const denied = { name: 'shut', match: { pathPrefix: '/shut' }, allowPrivateNetwork: false };
  const environments = { production: { upstream: origin } };
  await rig.routes([
    { ...allowed, environments },
    { ...denied, environments },
  ]);
  for (const [path, status] of [
    ['/open', 200],
    ['/shut', 502],
    ['/open', 200],
    ['/shut', 502],
  ] as const) {
    client.send(requestHead('GET', path, token));
    expect((await client.response()).status).toBe(status);
  }
});
