import { expect, test } from 'vitest';
import { FailureLimit } from '../../src/proxy/limit-failures.js';
import { FakeClock } from '../support/fake-clock.js';
import { rawClient, requestHead } from '../support/raw-client.js';
import { startProxyBefore } from '../support/start-proxy.js';
import { startUpstream } from '../support/start-upstream.js';
import { campaign } from '../torture/campaigns/token-guesses.js';
import { expectClean } from '../torture/expect-clean.js';

test('1,000 guesses are soon turned away, while valid tokens of the same address pass', async () => {
  await expectClean(campaign, 1_000);
});

test('guesses are looked at again after a minute', async () => {
  const { port, clock } = await startProxyBefore('http://127.0.0.1:1');
  const client = await rawClient(port);
  const guess = async (): Promise<number> => {
    client.send(requestHead('GET', '/api', 'kfc_wrong'));
    return (await client.response()).status;
  };
  for (let i = 0; i < 70; i++) await guess();
  expect(await guess()).toBe(429);
  clock.advance(61_000);
  expect(await guess()).toBe(401);
});

test('guesses at the secret part of one token are turned away sooner', async () => {
  const upstream = await startUpstream((_request, response) => void response.end('ok'));
  const { port, token } = await startProxyBefore(upstream.origin);
  const client = await rawClient(port);
  const statuses: number[] = [];
  for (let i = 0; i < 40; i++) {
    client.send(requestHead('GET', '/api', `${token.slice(0, -4)}${String(i).padStart(4, '0')}`));
    statuses.push((await client.response()).status);
  }
  expect(statuses.filter((status) => status === 401).length).toBeLessThanOrEqual(20);
  client.send(requestHead('GET', '/api', token));
  expect((await client.response()).status).toBe(200);
});

test('a request without any credential is no guess: git sends each first one so', async () => {
  const upstream = await startUpstream((_request, response) => void response.end('ok'));
  const { port } = await startProxyBefore(upstream.origin);
  const client = await rawClient(port);
  for (let i = 0; i < 200; i++) {
    client.send('GET /api HTTP/1.1\r\nHost: a\r\n\r\n');
    expect((await client.response()).status).toBe(401);
  }
});

test('addresses of one IPv6 network of 64 bits share their failures', () => {
  const failures = new FailureLimit(new FakeClock());
  let refused = 0;
  for (let i = 0; i < 1000; i++) {
    if (failures.fail(`2001:db8:7:1:${i.toString(16)}::1`, undefined) !== undefined) refused++;
  }
  expect(refused).toBeGreaterThanOrEqual(900);
  expect(failures.fail('2001:db8:7:2::1', undefined)).toBeUndefined();
  expect(failures.fail('192.0.2.1', undefined)).toBeUndefined();
});
