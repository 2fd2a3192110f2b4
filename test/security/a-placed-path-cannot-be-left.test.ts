import fc from 'fast-check';
import { expect, test } from 'vitest';
import { rawClient, requestHead } from '../support/raw-client.js';
import { resolvedPath } from '../support/resolved-path.js';
import { REAL_KEY, startProxyBefore } from '../support/start-proxy.js';
import { startUpstream } from '../support/start-upstream.js';

test('1,000 made-up targets: what arrives is below the placed path, however it is decoded', async () => {
  const upstream = await startUpstream((_request, response) => void response.end('ok'));
  const { port, token } = await startProxyBefore(`${upstream.origin}/base`, {
    headers: {},
    path: '/bot<<secret:api_key>>',
  });
  const inPlace = `/bot${token}`;
  const piece = fc.constantFrom(
    ...[
      '..',
      '.',
      '/',
      '//',
      '\\',
      '%2e',
      '%2f',
      '%5c',
      '%25',
      '2e',
      ';',
      '%3b',
      'a',
      '?',
      inPlace,
    ],
    ...[`/bot${REAL_KEY}`, '/bot', token, '%00', '@'],
  );
  const start = fc.constantFrom('', inPlace, `${inPlace}/x`);
  const targets = fc.sample(fc.tuple(start, fc.array(piece, { maxLength: 6 })), {
    numRuns: 1000,
    seed: 21,
  });
  let client = await rawClient(port);
  let sent = 0;
  for (const [first, pieces] of targets) {
    if (client.closed !== 'open') client = await rawClient(port);
    client.send(requestHead('GET', `/api${first}${pieces.join('')}`, token));
    const { status, headers } = await client.response();
    expect([200, 400, 404]).toContain(status);
    if (status === 200) sent++;
    if (headers.connection === 'close') {
      client.socket.destroy();
      client = await rawClient(port);
    }
  }
  expect(upstream.seen.length).toBe(sent);
  expect(sent).toBeGreaterThan(100);
  for (const { target } of upstream.seen) {
    expect(target).not.toContain('kfc_');
    expect(target.startsWith(`/base/bot${REAL_KEY}`)).toBe(true);
    expect(resolvedPath(target.split('?')[0] ?? '').slice(0, 2)).toEqual([
      'base',
      `bot${REAL_KEY}`,
    ]);
  }
});

test('a value that would lead out of its segment is never sent', async () => {
  const upstream = await startUpstream((_request, response) => void response.end('ok'));
  const rig = await startProxyBefore(upstream.origin, { headers: {}, path: '/p/<<secret:odd>>' });
  const piece = fc.constantFrom('..', '.', '/', '\\', '%2e', '%2f', ';', '?', '#', 'a', '%', ' ');
  const values = fc.sample(fc.array(piece, { minLength: 1, maxLength: 5 }), {
    numRuns: 60,
    seed: 22,
  });
  const { SecretValue } = await import('../../src/core/index.js');
  const actor = { type: 'system', id: 'system', name: 'system' } as const;
  await rig.store.createSecret({ actor, name: 'odd' });
  const client = await rawClient(rig.port);
  for (const value of new Set(values.map((pieces) => pieces.join('')))) {
    const { version } = await rig.store.addVersion({
      actor,
      secret: 'odd',
      environment: 'production',
      value: SecretValue.fromText(value),
    });
    if (version > 1) {
      const target = { actor, secret: 'odd', environment: 'production', version };
      await rig.store.activateVersion(target);
    }
    await rig.keeper.catchUp();
    const before = upstream.seen.length;
    client.send(requestHead('GET', '/api/x', rig.token));
    const { status } = await client.response();
    if (status === 200) {
      expect(upstream.seen[before]?.target).toBe(`/p/${encodeURIComponent(value)}/x`);
      const segments = resolvedPath(upstream.seen[before]?.target ?? '');
      expect([segments[0], segments.at(-1)]).toEqual(['p', 'x']);
    } else {
      expect(status).toBe(500);
      expect(upstream.seen).toHaveLength(before);
    }
  }
});
