import { expect, onTestFinished, test, vi } from 'vitest';
import { PATIENCE_MS } from '../support/patience.js';
import { requestHead } from '../support/raw-client.js';
import { metricIn, openSlow, serveBesideSlow, serveToSlow } from '../torture/serve-beside-slow.js';

test('2,000 connections that send heads and bodies and read responses slowly: others are served', async () => {
  const { findings } = await serveBesideSlow({ seed: 1, count: 2_000 }, 6_000);
  expect(findings).toEqual([]);
});

test('who takes nothing of a response, or sends no more of a body, is cut off; others are not', async () => {
  const { server, token } = await serveToSlow([
    '--response-idle-ms',
    '2000',
    '--body-idle-ms',
    '2000',
  ]);
  const port = Number(new URL(server.proxyUrl).port);
  const readers = await openSlow(port, 20, requestHead('GET', '/api/huge', token), undefined);
  const head = requestHead('POST', '/api/x', token, ['Content-Length: 1000']);
  await openSlow(port, 20, `${head}a`, undefined);
  // Takes a little of it again and again: slow, but not stalled.
  const [slow] = await openSlow(port, 1, requestHead('GET', '/api/huge', token), undefined);
  const sip = setInterval(() => slow?.read(), 50);
  onTestFinished(() => clearInterval(sip));
  const text = async () => (await fetch(`${server.adminUrl}/metrics`)).text();
  await vi.waitUntil(async () => metricIn(await text(), 'keyferry_stalled_readers_total') === 20, {
    timeout: PATIENCE_MS,
    interval: 200,
  });
  await vi.waitUntil(async () => metricIn(await text(), 'keyferry_requests_in_flight') === 1, {
    timeout: PATIENCE_MS,
    interval: 200,
  });
  const timedOut = 'keyferry_requests_total\\{route="api",environment="production",status="\\d+"';
  expect(metricIn(await text(), `${timedOut},code="request_timeout"\\}`)).toBe(40);
  expect(slow?.destroyed).toBe(false);
  expect(readers).toHaveLength(20);
});
