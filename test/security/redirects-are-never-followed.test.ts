import { expect, test } from 'vitest';
import { rawClient, requestHead } from '../support/raw-client.js';
import { startProxyBefore } from '../support/start-proxy.js';
import { sendAnswer, startUpstream } from '../support/start-upstream.js';

test('redirects to the same and to another host are passed on: the other host gets nothing', async () => {
  const other = await startUpstream((_request, response) => void response.end());
  const upstream = await startUpstream(({ url }, response) => {
    const status = Number(url.searchParams.get('status'));
    const to = url.searchParams.get('to') ?? '';
    sendAnswer(response, { status, headers: { location: to, refresh: `0; url=${to}` } });
  });
  const { port, token } = await startProxyBefore(upstream.origin);
  const client = await rawClient(port);
  let count = 0;
  for (const status of [300, 301, 302, 303, 305, 307, 308]) {
    for (const to of [`${other.origin}/x`, `${upstream.origin}/x`, '/x', '//elsewhere/x']) {
      for (const method of ['GET', 'POST', 'HEAD']) {
        const framing = method === 'POST' ? ['Content-Length: 2'] : [];
        const target = `/api?status=${status}&to=${encodeURIComponent(to)}`;
        client.send(requestHead(method, target, token, framing));
        if (method === 'POST') client.send('hi');
        const answer = await client.response(method);
        expect(answer.status).toBe(status);
        expect(answer.headers.location).toBe(to);
        count++;
      }
    }
  }
  expect(other.connections).toBe(0);
  expect(upstream.seen).toHaveLength(count);
});
