import { setTimeout as wait } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { DEFAULT_ROTATION_SETTINGS } from '../../src/core/index.js';
import { runAndKill } from '../support/kill-process.js';
import { TEST_ACTOR as actor, newDataDir, openTestStore } from '../support/open-test-store.js';
import { PATIENCE_MS } from '../support/patience.js';
import { startPlainUpstream } from '../support/plain-upstream.js';
import {
  runKeyferry,
  type ServedKeyferry,
  serveKeyferry,
  serveLine,
  temporaryDataDir,
} from '../support/serve-process.js';
import { campaign } from '../torture/campaigns/shared-rotations.js';
import { expectClean } from '../torture/expect-clean.js';

const shared = { flags: ['--shared'] };
const SECRET = '/v1/secrets/api_key/environments/production/versions';
/** Changes made through one server are to be used by another within 2 s, and the machine may be busy. */
const SOON = { timeout: PATIENCE_MS, interval: 20 };

interface Version {
  readonly version: number;
  readonly state: string;
}

async function startBoth(): Promise<{ servers: [ServedKeyferry, ServedKeyferry]; token: string }> {
  const dataDir = temporaryDataDir();
  // At once, on a folder that is new: one of them makes the keys and the first admin.
  const [a, b] = await Promise.all([
    serveKeyferry({ ...shared, dataDir }),
    serveKeyferry({ ...shared, dataDir }),
  ]);
  const upstream = await startPlainUpstream((request, response) =>
    response.end(String(request.headers.authorization?.length)),
  );
  await a.secret('api_key', { production: 'v'.repeat(21) });
  await b.admin('PUT', '/v1/routes', {
    routes: [
      {
        name: 'api',
        match: { pathPrefix: '/api' },
        environments: {
          production: {
            upstream,
            allowPrivateNetwork: true,
            echoScrub: 'off',
            headers: { Authorization: '<<secret:api_key>>' },
          },
        },
      },
    ],
  });
  return { servers: [a, b], token: await a.client('production') };
}

/** How long the credential was that arrived, as every value of the test has another length; or the status. */
async function sentBy(server: ServedKeyferry, token: string): Promise<number> {
  const headers = { 'Keyferry-Token': token };
  const response = await fetch(`${server.proxyUrl}/api/x`, { headers });
  const text = await response.text();
  return response.ok ? Number(text) : -response.status;
}

test('two servers on one database serve, follow each other, and write one audit log; one goes on when the other is killed', async () => {
  const { servers, token } = await startBoth();
  const [a, b] = servers;
  for (const server of servers) {
    await expect.poll(() => sentBy(server, token), SOON).toBe(21);
  }
  for (const [index, [through, other]] of [
    [a, b],
    [b, a],
  ].entries()) {
    if (through === undefined || other === undefined) throw new Error('no server');
    const length = 30 + index;
    const value = 'w'.repeat(length);
    const { version } = await through.admin<Version>('POST', SECRET, { value });
    await through.admin('POST', `${SECRET}/${version}/activate`);
    // Where it was said, from the answer on.
    expect(await sentBy(through, token)).toBe(length);
    await expect.poll(() => sentBy(other, token), SOON).toBe(length);
  }

  const writes = servers.flatMap((server, at) =>
    Array.from({ length: 30 }, (_, index) =>
      server.admin('POST', '/v1/secrets', { name: `secret_${at}_${index}` }),
    ),
  );
  await Promise.all(writes);
  for (const server of servers) {
    const { items } = await server.admin<{ items: unknown[] }>('GET', '/v1/secrets?limit=1000');
    expect(items).toHaveLength(61);
    expect(await server.admin('GET', '/v1/audit/verify')).toMatchObject({ ok: true });
    expect(server.output).not.toContain('row_altered');
  }

  const client = await b.admin<{ id: string; token: string }>('POST', '/v1/clients', {
    name: 'to be revoked',
    environment: 'production',
  });
  await expect.poll(() => sentBy(a, client.token), SOON).toBe(31);
  await b.admin('DELETE', `/v1/clients/${client.id}`);
  expect(await sentBy(b, client.token)).toBe(-401);
  await expect.poll(() => sentBy(a, client.token), SOON).toBe(-401);

  // Killed while both write.
  const later = Array.from({ length: 200 }, (_, index) => index);
  const writing = Promise.allSettled(
    later.map(async (index) => {
      await wait(index * 2);
      const server = index % 2 === 0 ? a : b;
      return server.admin<{ name: string }>('POST', '/v1/secrets', { name: `later_${index}` });
    }),
  );
  await wait(150);
  await a.kill();
  const acknowledged = (await writing).flatMap((one) =>
    one.status === 'fulfilled' ? [one.value.name] : [],
  );
  expect(acknowledged.length).toBeGreaterThanOrEqual(100);
  expect(await sentBy(b, token)).toBe(31);
  const { items } = await b.admin<{ items: { name: string }[] }>('GET', '/v1/secrets?limit=1000');
  const names = new Set(items.map(({ name }) => name));
  expect(acknowledged.filter((name) => !names.has(name))).toEqual([]);
  expect(await b.admin('GET', '/v1/audit/verify')).toMatchObject({ ok: true });

  // The one that is left keeps out who would have the folder alone, and lets in who shares it.
  const alone = await runKeyferry(serveLine(a.dataDir));
  expect(alone.stderr).toContain('(data_folder_locked)');
  const third = await serveKeyferry({ ...shared, dataDir: a.dataDir });
  expect(await sentBy(third, token)).toBe(31);
  const stopped = await Promise.all([b.stop(), third.stop()]);
  expect(stopped.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
  const doctor = await runKeyferry(['doctor', '--data-dir', a.dataDir, '--json']);
  expect(doctor.exitCode).toBe(0);
});

test('two servers on one database run each of 20 due rotations once, and ask for one key for each', async () => {
  await expectClean(campaign, 20);
});

test('two processes on one database begin and claim each of 300 due runs once', async () => {
  const dataDir = newDataDir();
  const opened = await openTestStore({ dataDir, shared: true });
  const { store } = opened;
  const count = 300;
  for (let index = 0; index < count; index++) {
    const secret = `key${index}`;
    await store.createSecret({ actor, name: secret });
    await store.enableRotation({
      ...DEFAULT_ROTATION_SETTINGS,
      actor,
      secret,
      environment: 'production',
      provider: 'custom',
      intervalDays: 1,
      cron: null,
      config: {},
      nextRunAtMs: 1,
    });
  }
  const both = await Promise.all(
    [
      ['a', 'b'],
      ['b', 'a'],
    ].map((holders) => runAndKill('run-due-rotations.mjs', [dataDir, ...holders], 90_000)),
  );
  expect(both.map(({ errors, exitCode }) => [errors, exitCode])).toEqual([
    ['', 0],
    ['', 0],
  ]);
  const ran = both.flatMap(({ lines }) => lines);
  expect(both.every(({ lines }) => lines.length > 0)).toBe(true);
  expect(ran).toHaveLength(count);
  expect(new Set(ran).size).toBe(count);
  expect(await store.dueRotations(Date.now(), 1)).toEqual([]);
  const { items } = await store.listRotations({ status: 'failed', limit: 1_000 });
  expect(items).toHaveLength(count);
  for (const { id } of items.filter((_, index) => index % 50 === 0)) {
    expect((await store.listRuns(id, {})).items).toHaveLength(1);
  }
  expect(await store.alteredRows()).toEqual([]);
  expect(await store.verifyAudit()).toMatchObject({ ok: true });
  await opened.cleanUp();
});
