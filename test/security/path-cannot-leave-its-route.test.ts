import fc from 'fast-check';
import { expect, test } from 'vitest';
import { rawClient, requestHead } from '../support/raw-client.js';
import { startProxyBefore } from '../support/start-proxy.js';
import { startUpstream } from '../support/start-upstream.js';

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

/** What an upstream that decodes again and again, and takes both slashes, makes of a path. */
function resolved(path: string): string[] {
  let decoded = path;
  for (let round = 0; round < 5; round++) {
    decoded = decoded.replace(/%([0-9a-f]{2})/gi, (_all, digits) =>
      String.fromCharCode(Number.parseInt(digits, 16)),
    );
  }
  const stack: string[] = [];
  for (const segment of decoded.split(/[/\\]/)) {
    const [name] = segment.split(';');
    if (name === '..') stack.pop();
    else if (name !== '.' && name !== '') stack.push(segment);
  }
  return stack;
}

test('10,000 made-up targets: what arrives is below the base path, however it is decoded', async () => {
  const upstream = await okUpstream();
  const { port, token } = await startProxyBefore(`${upstream.origin}/base`);
  const piece = fc.constantFrom(
    ...[
      '..',
      '.',
      '/',
      '//',
      '\\',
      '%2e',
      '%2E',
      '%2f',
      '%5c',
      '%25',
      '2e',
      '2f',
      ';',
      '%3b',
      'a',
      'b',
      '?',
      '%',
      '%00',
      ':',
      '@',
      '~',
      '+',
    ],
  );
  const targets = fc.sample(fc.array(piece, { maxLength: 8 }), { numRuns: 10_000, seed: 20 });
  let sent = 0;
  for (let from = 0; from < targets.length; from += 100) {
    const batch = targets.slice(from, from + 100).map((pieces) => `/api${pieces.join('')}`);
    const answers = await Promise.all(
      chunk(batch, 10).map(async (some) => {
        let statuses = 0;
        let one = await rawClient(port);
        for (const target of some) {
          if (one.closed !== 'open') one = await rawClient(port);
          one.send(requestHead('GET', target, token));
          const { status, headers } = await one.response();
          expect([200, 400, 404]).toContain(status);
          if (status === 200) statuses++;
          if (headers.connection === 'close') {
            one.socket.destroy();
            one = await rawClient(port);
          }
        }
        one.socket.destroy();
        return statuses;
      }),
    );
    sent += answers.reduce((sum, count) => sum + count, 0);
  }
  expect(upstream.seen.length).toBe(sent);
  expect(sent).toBeGreaterThan(500);
  for (const { target } of upstream.seen) {
    const path = target.split('?')[0] ?? '';
    expect(path).toMatch(/^\/base(?:\/|$)/);
    expect(resolved(path)[0]).toBe('base');
  }
}, 60_000);

function chunk<T>(items: readonly T[], count: number): T[][] {
  const size = Math.ceil(items.length / count);
  return Array.from({ length: count }, (_, i) => items.slice(i * size, (i + 1) * size));
}
