import { expect, test } from 'vitest';
import { rawClient, requestHead } from '../support/raw-client.js';
import { REAL_KEY, startProxyBefore } from '../support/start-proxy.js';
import { startUpstream } from '../support/start-upstream.js';

test.each([
  ['another spelling', ['authorization: Bearer mine']],
  [
    'eight casings',
    [
      'AUTHORIZATION: mine',
      'Authorization: mine',
      'authorization: mine',
      'aUTHORIZATION: mine',
      'authoriZation: mine',
      'AuThOrIzAtIoN: mine',
      'aUtHoRiZaTiOn: mine',
      'X-API-KEY: mine',
    ],
  ],
  ['duplicates', ['Authorization: mine', 'Authorization: Bearer mine', 'X-Api-Key: mine']],
  ['an underscore', ['X_Api_Key: mine', 'x-api_key: mine', 'X-API-KEY: mine']],
  ['Connection', ['Connection: authorization']],
  ['Connection in pieces', ['Connection: close, AUTHORIZATION', 'Connection: x-api-key']],
  ['Connection and a value', ['Connection: authorization, x-api-key', 'Authorization: mine']],
  ['a trailer', ['Trailer: Authorization', 'TE: trailers']],
])('%s neither removes nor precedes a placed header', async (_name, lines) => {
  const upstream = await startUpstream((_request, response) => void response.end('ok'));
  const { port, token } = await startProxyBefore(upstream.origin, {
    headers: {
      Authorization: 'Bearer <<secret:api_key>>',
      'X-Api-Key': '<<secret:api_key>>',
    },
  });
  const client = await rawClient(port);
  client.send(requestHead('POST', '/api', token, [...lines, 'Transfer-Encoding: chunked']));
  client.send('2\r\nhi\r\n0\r\nAuthorization: Bearer mine\r\nX-Api-Key: mine\r\n\r\n');
  expect(await client.response()).toMatchObject({ status: 200 });
  const raw = upstream.seen[0]?.rawHeaders ?? [];
  const placed = [];
  for (let i = 0; i < raw.length; i += 2) {
    if (/^(?:authorization|x.api.key)$/i.test(raw[i] ?? '')) placed.push([raw[i], raw[i + 1]]);
  }
  expect(placed).toEqual([
    ['Authorization', `Bearer ${REAL_KEY}`],
    ['X-Api-Key', REAL_KEY],
  ]);
  expect(raw.join('\n')).not.toContain('mine');
});

test('every spelling of a placed parameter is replaced, and the others stay as they were', async () => {
  const upstream = await startUpstream((_request, response) => void response.end('ok'));
  const { port, token } = await startProxyBefore(upstream.origin, {
    headers: {},
    query: { 'api key': '<<secret:api_key>>', k: 'a b&<<secret:api_key>>' },
  });
  const client = await rawClient(port);
  client.send(
    requestHead('GET', '/api/x?a=%20+&k=mine&api+key=mine&%6b=mine&api%20key=mine&k&&b=k=1', token),
  );
  expect(await client.response()).toMatchObject({ status: 200 });
  expect(upstream.seen[0]?.target).toBe(
    `/x?a=%20+&b=k=1&api%20key=${REAL_KEY}&k=a%20b%26${REAL_KEY}`,
  );
});

test('no spelling of a placed parameter that some upstream takes for it passes', async () => {
  const upstream = await startUpstream((_request, response) => void response.end('ok'));
  const { port, token } = await startProxyBefore(upstream.origin, {
    headers: {},
    query: { Key: '<<secret:api_key>>' },
  });
  const client = await rawClient(port);
  for (const [query, kept] of [
    ['key=mine&KEY=mine', ''],
    ['a=1;key=mine', 'a=1&'],
    ['a=1;Key=mine;b=2&c=3', 'a=1;b=2&c=3&'],
    ['key[]=mine&key[0]=mine&%6bEY%5b%5d=mine', ''],
    ['+key=mine&key+=mine&%09key=mine', ''],
    ['keys=1&a[key]=2&monkey=3;x', 'keys=1&a[key]=2&monkey=3;x&'],
    ['a=key=b&key', 'a=key=b&'],
  ]) {
    client.send(requestHead('GET', `/api?${query}`, token));
    expect(await client.response()).toMatchObject({ status: 200 });
    expect(upstream.seen.at(-1)?.target).toBe(`/?${kept}Key=${REAL_KEY}`);
  }
});

test('no underscore passes for a header that Keyferry reads, drops or sets itself', async () => {
  const upstream = await startUpstream((_request, response) => void response.end('ok'));
  const { port, token } = await startProxyBefore(upstream.origin, { forwardClientAddress: true });
  const client = await rawClient(port);
  const names = ['X_Forwarded_For', 'X_Request-Id', 'Proxy_Authorization', 'X-Real_IP'];
  const lines = names.map((name) => `${name}: mine`);
  client.send(requestHead('GET', '/api', token, [...lines, 'X_Own: kept']));
  expect(await client.response()).toMatchObject({ status: 200 });
  const { rawHeaders = [], headers } = upstream.seen[0] ?? {};
  expect(rawHeaders.join('\n')).not.toContain('mine');
  expect(headers).toMatchObject({ 'x-forwarded-for': '127.0.0.1', x_own: 'kept' });
});
