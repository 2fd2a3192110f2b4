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

test('10,000 made-up targets: what arrives is below the base path, however it is decoded', async () => {
  await expectClean(campaign, 10_000, 20);
}, 60_000);
