import { request } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addSecret, startAdmin, type TestAdmin } from './start-admin.js';

let admin: TestAdmin;
beforeAll(async () => {
  admin = await startAdmin();
});
afterAll(() => admin.stop());

/** `fetch` does not let a test choose the Host header. */
function getAs(host: string, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    request(`${admin.origin}${path}`, { headers: { Host: host } }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .on('error', reject)
      .end();
  });
}

test('the four open paths need no token on loopback', async () => {
  expect((await admin.call('GET', '/healthz', { token: null })).body).toEqual({ status: 'ok' });
  const ready = await admin.call('GET', '/readyz', { token: null });
  expect([ready.status, ready.body]).toEqual([200, { ready: true, reasons: [] }]);
  const metrics = await admin.call('GET', '/metrics', { token: null });
  expect(metrics.text).toBe('up 1\n');
  expect(metrics.headers.get('content-type')).toBe('text/plain; version=0.0.4');
  expect((await admin.call('GET', '/version', { token: null })).body).toEqual({ version: '9.8.7' });
});

test('a name that was rebound to loopback reads neither metrics nor version', async () => {
  for (const host of ['localhost:8081', '127.0.0.1', '[::1]:8081']) {
    expect(await getAs(host, '/metrics'), host).toBe(200);
  }
  for (const host of [
    'evil.example.com',
    '127.0.0.1.evil.example.com',
    'localhost.evil.com:8081',
  ]) {
    expect(await getAs(host, '/metrics'), host).toBe(401);
    expect(await getAs(host, '/version'), host).toBe(401);
    expect(await getAs(host, '/healthz'), host).toBe(200);
  }
});

test('elsewhere metrics, version and the reasons need a token', async () => {
  const open = await startAdmin({
    openPathsNeedToken: true,
    readiness: async () => ({ ready: false, reasons: ['the store is full'] }),
  });
  expect((await open.call('GET', '/healthz', { token: null })).status).toBe(200);
  const ready = await open.call('GET', '/readyz', { token: null });
  expect([ready.status, ready.body]).toEqual([503, { ready: false, reasons: [] }]);
  expect((await open.call('GET', '/readyz')).body.reasons).toEqual(['the store is full']);
  for (const path of ['/metrics', '/version']) {
    expect((await open.call('GET', path, { token: null })).status).toBe(401);
    expect((await open.call('GET', path)).status).toBe(200);
  }
  await open.stop();
});

test('a backup streams encrypted and is audited', async () => {
  await addSecret(admin, 'precious');
  const reply = await admin.call('POST', '/v1/backup');
  expect(reply.status).toBe(200);
  expect(reply.headers.get('content-type')).toBe('application/octet-stream');
  expect(reply.headers.get('content-disposition')).toContain(
    'attachment; filename="keyferry-2026-',
  );
  expect(reply.text.length).toBeGreaterThan(1000);
  expect(reply.text).not.toContain('value-of-precious');
  expect(reply.text).not.toContain('SQLite format');
  const rows = await admin.call('GET', '/v1/audit?action=backup.create');
  expect(rows.body.items).toHaveLength(1);
});

test('a backup that fails at once is a proper error, and later cuts the answer off', async () => {
  const failing = (after: number) =>
    startAdmin({
      async *backup() {
        for (let count = 0; count < after; count += 1) yield new Uint8Array(100_000);
        throw new Error('disk');
      },
    });
  const early = await failing(0);
  const reply = await early.call('POST', '/v1/backup');
  expect([reply.status, reply.body.code]).toEqual([500, 'internal_error']);
  expect((await early.call('GET', '/v1/audit?action=backup.create')).body.items).toEqual([]);
  await early.stop();
  const late = await failing(3);
  await expect(late.call('POST', '/v1/backup')).rejects.toThrow();
  expect(late.logged).toHaveLength(1);
  await late.stop();
});

test('the audit log lists by its filters and verifies', async () => {
  await admin.call('POST', '/v1/environments', { body: { name: 'audited' } });
  const list = (query: string) => admin.call('GET', `/v1/audit?${query}`);
  const [row] = (await list('action=environment.create')).body.items;
  expect(row).toMatchObject({ action: 'environment.create', actor: { type: 'admin' } });
  expect((await list(`since=${encodeURIComponent(row.at)}`)).body.items.length).toBeGreaterThan(0);
  expect((await list('since=2099-01-01T00:00:00Z')).body.items).toEqual([]);
  expect((await list('action=version.&secret=precious')).body.items[0]).toMatchObject({
    environment: 'production',
  });
  const verified = await admin.call('GET', '/v1/audit/verify');
  expect(verified.body).toMatchObject({ ok: true });
  expect(verified.body.rows).toBeGreaterThan(3);
});

test('status says version, readiness, where the proxy is, and routes', async () => {
  expect((await admin.call('GET', '/v1/status')).body).toEqual({
    version: '9.8.7',
    time: new Date(admin.opened.clock.now()).toISOString(),
    ready: true,
    reasons: [],
    proxyUrl: 'http://127.0.0.1:8080',
    routes: { revision: 0, appliedAt: null, file: null },
  });
});

test('environments are listed, declared and deleted when empty', async () => {
  const list = await admin.call('GET', '/v1/environments');
  const names = list.body.items.map(({ name }: { name: string }) => name);
  expect(names).toEqual(expect.arrayContaining(['development', 'staging', 'production']));
  const made = await admin.call('POST', '/v1/environments', { body: { name: 'preview' } });
  expect([made.status, made.body.name]).toEqual([201, 'preview']);
  const taken = await admin.call('POST', '/v1/environments', { body: { name: 'preview' } });
  expect(taken.body.code).toBe('name_taken');
  expect((await admin.call('DELETE', '/v1/environments/preview')).status).toBe(204);
  const full = await admin.call('DELETE', '/v1/environments/production');
  expect([full.status, full.body.code]).toEqual([409, 'environment_not_empty']);
});
