import { expect, test } from 'vitest';
import { rawClient, requestHead } from '../support/raw-client.js';
import { startProxyBefore } from '../support/start-proxy.js';
import { startUpstream } from '../support/start-upstream.js';
import { campaign } from '../torture/campaigns/path-escapes.js';
import { expectClean } from '../torture/expect-clean.js';

const okUpstream = () => startUpstream((_request, response) => void response.end('ok'));

const ESCAPES = [
  '/api/..',
  '/api/../admin',
  '/api/./x',
  '/api/.',
  '/api/x/../../admin',
  '/api/%2e%2e/admin',
  '/api/%2E%2e/admin',
  '/api/.%2e/admin',
  '/api/%2e',
  '/api/..%2fadmin',
  '/api/x%2f..%2fadmin',
  '/api/x%2f%2e%2e%2fadmin',
  '/api/..%5cadmin',
  '/api/x%5c..%5cadmin',
  '/api/%252e%252e/admin',
  '/api/%25252e%25252e/admin',
  '/api/..%252fadmin',
  '/api/..;/admin',
  '/api/..;x=1/admin',
  '/api/%2e%2e;/admin',
  '/api/..%3b/admin',
  '/api/..%3bx/admin',
  '/api/%c0%ae%c0%ae/admin',
  '/api/..%c0%afadmin',
  // Cut off at a NUL, at a query or fragment that decoding brings out, or trimmed.
  '/api/..%00',
  '/api/..%00/admin',
  '/api/x%00',
  '/api/..%2500x',
  '/api/..%3f',
  '/api/..%3fx/admin',
  '/api/..%23',
  '/api/..%2523x',
  '/api/..%20/admin',
  '/api/.%0a./admin',
  '/api/%09../admin',
  '/api/..%0d%0a',
  // Dots and slashes of other alphabets.
  '/api/%u002e%u002e/admin',
  '/api/..%u002fadmin',
  '/api/%uff0e%uff0e/admin',
  '/api/%ef%bc%8e%ef%bc%8e/admin',
  '/api/..%ef%bc%8fadmin',
  '/api/..%ef%bc%bcadmin',
  '/api/%e2%80%a5/admin',
  '/api/%e2%80%a4%e2%80%a4/admin',
  '/api/%ef%b9%92%ef%b9%92/admin',
  '/api/%e0%80%ae%e0%80%ae/admin',
  '/api/%25ef%25bc%258e./admin',
  '/api\\..\\admin',
  '/api/\\admin',
  '//api',
  '/api//x',
  '/api/x//',
  '/api#x',
  '/api/x#/../',
  '/api?x#y',
  '/api/\x7f',
  '/api/\xe9',
];

test('a target that could leave its route is refused before anything is sent', async () => {
  const upstream = await okUpstream();
  const { port, token } = await startProxyBefore(upstream.origin);
  for (const target of ESCAPES) {
    const client = (await rawClient(port)).send(requestHead('GET', target, token));
    const { headers } = await client.response();
    expect([target, headers['keyferry-error']]).toEqual([target, 'request_rejected']);
  }
  expect(upstream.connections).toBe(0);
});

test('what only looks like an escape passes as it came', async () => {
  const upstream = await okUpstream();
  const { port, token } = await startProxyBefore(upstream.origin);
  const client = await rawClient(port);
  const targets = [
    '/a;b/c;d.e',
    '/a..;/b',
    '/...',
    '/.well-known/x',
    '/a%3fb%23c',
    '/a%20b.txt',
    '/%20.a',
    '/%0a/x.y',
    '/caf%C3%A9/%E2%80%A6/x.y',
    '/%ff%fe.x',
    '/a%2e%2fb',
    '/x.%u0041',
    '/100%/a.b',
    '/v1;a=%2e%2e/x',
    '/x?..%00;../%2e%2e',
  ];
  for (const target of targets) {
    client.send(requestHead('GET', `/api${target}`, token));
    expect([target, (await client.response()).status]).toEqual([target, 200]);
  }
  expect(upstream.seen.map(({ target }) => target)).toEqual(targets);
});

test('10,000 made-up targets: what arrives is below the base path, however it is decoded', async () => {
  await expectClean(campaign, 10_000, 20);
});
