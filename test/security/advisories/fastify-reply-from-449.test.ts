import { expect, test } from 'vitest';
import { rawClient, requestHead } from '../../support/raw-client.js';
import { REAL_KEY, startProxyBefore } from '../../support/start-proxy.js';
import { startUpstream } from '../../support/start-upstream.js';

// @fastify/reply-from left headers that Connection names; its fix must not take what the proxy places.
test('request headers that Connection names are not passed on, and what is placed is', async () => {
  const upstream = await startUpstream((_request, response) => void response.end('ok'));
  const { port, token } = await startProxyBefore(upstream.origin);
  const client = await rawClient(port);
  for (const connection of [
    ['Connection: X-Custom-Header'],
    ['connection: x-custom-HEADER, keep-alive'],
    ['Connection: keep-alive', 'Connection:\tx-custom-header\t,,'],
    ['Connection: Authorization, Host, X-Request-Id, X-Custom-Header'],
  ]) {
    const lines = [...connection, 'X-Custom-Header: mine', 'x-custom-header: mine', 'X-Own: kept'];
    client.send(requestHead('GET', '/api', token, lines));
    expect(await client.response()).toMatchObject({ status: 200 });
    const { headers = {}, rawHeaders = [] } = upstream.seen.at(-1) ?? {};
    expect(rawHeaders.join('\n')).not.toContain('mine');
    expect(headers['x-own']).toBe('kept');
    expect(headers.authorization).toBe(`Bearer ${REAL_KEY}`);
    expect(headers['x-request-id']).toMatch(/./);
    expect(headers.host).toBe(upstream.origin.slice('http://'.length));
  }
});
