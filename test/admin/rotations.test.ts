import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PROVIDERS_ENVIRONMENT } from '../../src/core/index.js';
import { addSecret, type Reply, route } from './start-admin.js';
import { startRotations, type TestRotations } from './start-rotations.js';

const DAY_MS = 86_400_000;
let rotations: TestRotations;
const call: TestRotations['admin']['call'] = (...args) => rotations.admin.call(...args);
/** What went in or was made; no answer may hold it. */
const answers: string[] = [];

beforeAll(async () => {
  rotations = await startRotations();
  const { admin } = rotations;
  for (const name of ['key_a', 'key_b', 'key_c', 'key_d', 'key_e', 'key_f', 'pay_key']) {
    await addSecret(admin, name, ['production']);
  }
  await addSecret(admin, 'rotator', [PROVIDERS_ENVIRONMENT]);
  await call('PUT', '/v1/routes', { body: { routes: [route('pay', 'pay_key')] } });
});
afterAll(() => rotations.stop());

async function made(secret: string, more?: Record<string, unknown>): Promise<Reply['body']> {
  const reply = await rotations.enable(secret, more);
  answers.push(reply.text);
  if (reply.status !== 201) throw new Error(reply.text);
  return reply.body;
}

describe('enabling', () => {
  test('plans by what the secret says, rotates nothing, and is shown everywhere', async () => {
    await call('PATCH', '/v1/secrets/key_a', { body: { rotateEveryDays: 30 } });
    const nowMs = rotations.admin.opened.clock.now();
    const rotation = await made('key_a');
    expect(rotation).toMatchObject({
      secret: 'key_a',
      environment: 'production',
      provider: 'custom',
      state: 'active',
      status: 'ok',
      intervalDays: 30,
      cron: null,
      timezone: 'UTC',
      gracePeriodMinutes: 2880,
      soakMinutes: 1440,
      config: { account: 'key_a' },
      run: null,
      keys: [],
    });
    expect(Date.parse(rotation.nextRunAt)).toBe(nowMs + 30 * DAY_MS);
    expect(rotation.nextRuns).toHaveLength(5);
    expect(rotation.nextRuns[0]).toBe(rotation.nextRunAt);
    const secret = await call('GET', '/v1/secrets/key_a');
    expect(secret.body.environments[0].rotation).toEqual({
      id: rotation.id,
      provider: 'custom',
      state: 'active',
      status: 'ok',
      nextRunAt: rotation.nextRunAt,
      run: null,
    });
    const list = await call('GET', '/v1/secrets');
    const inList = list.body.items.find(({ name }: { name: string }) => name === 'key_a');
    expect(inList.environments[0].rotation.id).toBe(rotation.id);
    const second = await rotations.enable('key_a');
    expect([second.status, second.body.code]).toEqual([409, 'conflict']);
  });

  test.each([
    ['ends', 60, 50],
    ['ends_soon', 12, 6],
    ['ends_now', 1, 1],
  ])('comes before the key of "%s" ends, whatever the interval', async (name, lifeDays, inDays) => {
    const nowMs = rotations.admin.opened.clock.now();
    const expiresAt = new Date(nowMs + lifeDays * DAY_MS).toISOString();
    await call('POST', '/v1/secrets', { body: { name } });
    const path = `/v1/secrets/${name}/environments/production/versions`;
    await call('POST', path, { body: { value: `canary-${name}`, expiresAt } });
    const { id, nextRunAt } = await made(name, { intervalDays: 90 });
    expect(Date.parse(nextRunAt)).toBe(nowMs + inDays * DAY_MS);
    const changed = await call('PATCH', `/v1/rotations/${id}`, { body: { intervalDays: 80 } });
    expect(changed.body.nextRunAt).toBe(nextRunAt);
    const sooner = await call('PATCH', `/v1/rotations/${id}`, { body: { intervalDays: 1 } });
    expect(Date.parse(sooner.body.nextRunAt)).toBe(nowMs + DAY_MS);
    expect((await call('DELETE', `/v1/rotations/${id}`)).status).toBe(204);
  });

  test('counts the interval from when the current version was made, and is never due at once', async () => {
    const { clock } = rotations.admin.opened;
    const versions = await call('GET', '/v1/secrets/key_b/environments/production/versions');
    const createdAtMs = Date.parse(versions.body.items[0].createdAt);
    clock.advance(10 * DAY_MS);
    const late = await made('key_b', { intervalDays: 5 });
    expect(Date.parse(late.nextRunAt)).toBe(clock.now() + 5 * DAY_MS);
    const path = `/v1/rotations/${late.id}`;
    const changed = await call('PATCH', path, { body: { intervalDays: 20 } });
    expect(Date.parse(changed.body.nextRunAt)).toBe(createdAtMs + 20 * DAY_MS);
    // Each of the two takes the place of the other.
    const cron = await call('PATCH', path, {
      body: { cron: '0 3 1 * *', timezone: 'Europe/Berlin' },
    });
    expect(cron.body).toMatchObject({ intervalDays: null, cron: '0 3 1 * *' });
    expect(cron.body.nextRunAt).toMatch(/-(?:30|31|28)T0[12]:00:00\.000Z$|-01T0[12]:00/);
    const back = await call('PATCH', path, { body: { intervalDays: 20 } });
    expect(back.body).toMatchObject({ intervalDays: 20, cron: null });
    expect((await call('DELETE', path)).status).toBe(204);
    expect((await call('GET', path)).status).toBe(404);
  });

  test.each([
    [{ intervalDays: 366 }, 'intervalDays', undefined],
    [{ intervalDays: 1, cron: '0 3 * * *' }, 'cron', undefined],
    [{ cron: 'every day' }, 'cron', undefined],
    [{ timezone: 'Europe/Berln' }, 'timezone', undefined],
    [{ window: { from: '9:00', until: '17:00' } }, 'window.from', undefined],
    [{ window: { days: ['mo'], from: '09:00', until: '17:00' } }, 'window.days[0]', undefined],
    [{ propagationCheck: { endpoint: 'ftp://x' } }, 'propagationCheck.endpoint', undefined],
    [{ gracePeriodMinute: 5 }, 'gracePeriodMinute', 'gracePeriodMinutes'],
    [{ cutover: { windowMinutes: 5 } }, 'cutover.windowMinutes', undefined],
    [{ cutover: { routes: ['pya'] } }, 'cutover.routes[0]', undefined],
    [{ provider: 'custm' }, 'provider', 'custom'],
    [{ config: { accont: 'x' } }, 'config.accont', 'account'],
    [{ config: { account: 'x', rotatorSecret: 'rotatr' } }, 'config.rotatorSecret', 'rotator'],
  ])('refuses %j by the path', async (more, path, nearest) => {
    const calls = [
      await rotations.enable('key_c', more),
      await call('POST', '/v1/rotations/check', {
        body: {
          secret: 'key_c',
          environment: 'production',
          provider: 'custom',
          config: { account: 'key_c' },
          ...more,
        },
      }),
    ];
    for (const reply of calls) {
      expect([reply.status, reply.body.code]).toEqual([400, 'invalid_request']);
      const found = reply.body.errors.find((error: { path: string }) => error.path === path);
      expect([reply.text, found?.path]).toEqual([reply.text, path]);
      if (nearest !== undefined) expect(found.nearest).toBe(nearest);
    }
  });

  test('names of secrets and environments that are not there get the nearest spelling', async () => {
    const secret = await rotations.enable('key_cc');
    expect([secret.status, secret.body.detail]).toEqual([404, expect.stringContaining('key_c')]);
    const environment = await rotations.enable('key_c', { environment: 'prodction' });
    expect([environment.status, environment.body.detail]).toEqual([
      422,
      expect.stringContaining('production'),
    ]);
    const list = await call('GET', '/v1/rotations?secret=key_cc');
    expect(list.status).toBe(404);
  });

  test('a credential that a rotation or a channel takes is deleted by force alone', async () => {
    const place = '/v1/secrets/lent_key';
    const credential = { body: { value: 'value-of-lent' } };
    await call('POST', '/v1/secrets', { body: { name: 'lent_key' } });
    await call('POST', `${place}/environments/_providers/versions`, credential);
    const { items } = (await call('GET', '/v1/secrets?withoutRoutes=true&unusedForDays=0')).body;
    expect(items.map(({ name }: { name: string }) => name)).not.toContain('lent_key');
    const config = { account: 'key_d', rotatorSecret: 'lent_key' };
    const rotation = await made('key_d', { config });
    const detailFor = async (token?: string): Promise<string> => {
      const reply = await call('DELETE', place, token === undefined ? {} : { token });
      expect([reply.status, reply.body.code]).toEqual([409, 'in_use']);
      return reply.body.detail;
    };
    expect(await detailFor()).toContain('the rotation of "key_d" in production');
    const limited = { role: 'operator', secretPrefix: 'lent' } as const;
    expect(await detailFor(await rotations.admin.mint(limited))).not.toContain('key_d');
    expect((await call('DELETE', `/v1/rotations/${rotation.id}`)).status).toBe(204);

    const settings = { kind: 'slack', urlSecret: 'lent_key' };
    const channel = await call('POST', '/v1/notifications', { body: { name: 'ops', settings } });
    expect(await detailFor()).toContain('the channel "ops"');
    await call('DELETE', `/v1/notifications/${channel.body.id}`);
    expect((await call('DELETE', place)).status).toBe(204);
  });

  test('a provider that this server lacks is refused', async () => {
    const reply = await rotations.enable('key_c', { provider: 'aws', config: {} });
    expect([reply.status, reply.body.errors[0].path]).toEqual([400, 'provider']);
  });
});

test('a check says what was tried, and changes nothing', async () => {
  const { provider } = rotations;
  const body = {
    secret: 'key_d',
    environment: 'production',
    provider: 'custom',
    config: { account: 'x', rotatorSecret: 'rotator' },
  };
  const before = await call('POST', '/v1/rotations/check', { body });
  expect([before.status, before.body.ok]).toEqual([200, true]);
  expect(before.body.nextRuns).toHaveLength(5);
  expect((await call('GET', '/v1/rotations?secret=key_d')).body.items).toEqual([]);
  const { id } = await made('key_d', { config: body.config });
  provider.problem = 'the permission to make keys is missing';
  const after = await call('POST', `/v1/rotations/${id}/check`);
  expect(after.body).toMatchObject({ ok: false, findings: [{ ok: true }, { ok: false }] });
  expect(after.body.findings[1].detail).toBe('the permission to make keys is missing');
  provider.problem = '';
  expect((await call('GET', `/v1/rotations/${id}`)).body.run).toBeNull();
});

test('providers are described, with what marks the secrets that they need', async () => {
  const { body } = await call('GET', '/v1/rotations/providers');
  expect(body.items.map(({ id }: { id: string }) => id)).toEqual(['custom']);
  expect(body.items[0].configSchema.properties.rotatorSecret).toMatchObject({
    'x-keyferry': 'provider-secret',
  });
});

describe('a run', () => {
  test('is begun, followed through its states, and kept', async () => {
    const { id } = await made('key_e', { gracePeriodMinutes: 0, soakMinutes: 0 });
    const started = await call('POST', `/v1/rotations/${id}/rotate`, {
      body: { reason: 'Kim left' },
    });
    expect(started.status).toBe(200);
    expect(started.body).toMatchObject({ status: 'running', nextRunAt: null, nextRuns: [] });
    expect(started.body.run).toMatchObject({ state: 'PLANNED', trigger: 'manual' });
    expect(started.text).toContain('Kim left');
    const again = await call('POST', `/v1/rotations/${id}/rotate`);
    expect([again.status, again.body.code]).toEqual([409, 'conflict']);
    expect(again.body.detail).toContain('PLANNED');
    expect((await call('DELETE', `/v1/rotations/${id}`)).body.code).toBe('conflict');
    await rotations.go();
    const done = await call('GET', `/v1/rotations/${id}`);
    answers.push(done.text);
    expect(done.body).toMatchObject({ status: 'ok', run: { state: 'DONE', toVersion: 2 } });
    expect(done.body.nextRunAt).not.toBeNull();
    expect(done.body.keys).toContainEqual({ version: 2, state: 'live', keyId: 'key-1' });
    const states = done.body.run.events.map(({ state }: { state: string }) => state);
    expect(states).toContain('MINTED');
    const versions = await call('GET', '/v1/secrets/key_e/environments/production/versions');
    answers.push(versions.text);
    const [newest] = versions.body.items;
    expect(newest).toMatchObject({
      version: 2,
      state: 'current',
      providerKey: { state: 'live', keyId: 'key-1' },
    });
    const history = await call('GET', `/v1/rotations/${id}/history`);
    expect(history.body.items).toHaveLength(1);
    expect(history.body.items[0]).toMatchObject({ state: 'DONE', trigger: 'manual' });
    expect(history.body.items[0].events).toEqual(done.body.run.events);
    expect((await call('GET', '/v1/rotations?status=running')).body.items).toEqual([]);
  });

  test('shows its cutover, and goes back by word of a person', async () => {
    const { id } = await made('pay_key', { cutover: { steps: [5] } });
    await call('POST', `/v1/rotations/${id}/rotate`);
    await rotations.go();
    const { body } = await call('GET', `/v1/rotations/${id}`);
    expect(body.run).toMatchObject({ state: 'CUTOVER', cutover: { state: 'PENDING' } });
    expect(body.run.cutover.settings.steps).toEqual([5, 100]);
    const back = await call('POST', `/v1/rotations/${id}/rollback`, {
      body: { reason: 'the wrong account' },
    });
    expect(back.status).toBe(200);
    await rotations.go();
    const ended = await call('GET', `/v1/rotations/${id}`);
    expect(ended.body).toMatchObject({ status: 'failed', run: { state: 'ROLLED_BACK' } });
    expect(ended.body.run.reason).toContain('the wrong account');
    const failed = await call('GET', '/v1/rotations?status=failed');
    expect(failed.body.items.map((item: { id: string }) => item.id)).toEqual([id]);
    const none = await call('POST', `/v1/rotations/${id}/rollback`);
    expect([none.status, none.body.code]).toEqual([409, 'conflict']);
  });

  test('rests while its rotation is paused', async () => {
    const { id } = await made('key_f');
    expect((await call('POST', `/v1/rotations/${id}/resume`)).body.code).toBe('conflict');
    const paused = await call('POST', `/v1/rotations/${id}/pause`);
    expect(paused.body).toMatchObject({ state: 'paused', status: 'paused' });
    const refused = await call('POST', `/v1/rotations/${id}/rotate`);
    expect([refused.status, refused.body.code]).toEqual([409, 'conflict']);
    await call('POST', `/v1/rotations/${id}/resume`);
    await call('POST', `/v1/rotations/${id}/rotate`);
    await call('POST', `/v1/rotations/${id}/pause`);
    await rotations.go();
    const resting = await call('GET', `/v1/rotations/${id}`);
    expect(resting.body).toMatchObject({ status: 'paused', run: { state: 'PLANNED' } });
    const resumed = await call('POST', `/v1/rotations/${id}/resume`);
    expect(resumed.body.state).toBe('active');
    await rotations.go();
    const { body } = await call('GET', `/v1/rotations/${id}`);
    expect(body.run.state).toBe('GRACE');
    await call('POST', `/v1/rotations/${id}/rollback`);
    await rotations.go();
    await call('DELETE', `/v1/rotations/${id}`);
  });

  test('takes a value from a person, checked as a new version is', async () => {
    const { id } = await made('key_f', { config: { account: 'f', assisted: true } });
    const path = `/v1/rotations/${id}/value`;
    const early = await call('POST', path, { body: { value: 'canary-early' } });
    expect([early.status, early.body.code]).toEqual([409, 'conflict']);
    await call('POST', `/v1/rotations/${id}/rotate`);
    await rotations.go();
    expect((await call('GET', `/v1/rotations/${id}`)).body.run.state).toBe('AWAITING_VALUE');
    const refused = [
      [{}, 'value_invalid'],
      [{ value: '' }, 'value_invalid'],
      [{ value: 'canary-a', valueBase64: 'Y2FuYXJ5' }, 'value_invalid'],
      [{ value: 'value-of-key_f-in-production' }, 'value_unchanged'],
      [{ value: 'canary-a', kyId: 'x' }, 'invalid_request'],
      [{ value: 'canary-a', expiresAt: '2020-01-01T00:00:00Z' }, 'invalid_request'],
    ] as const;
    for (const [body, code] of refused) {
      const reply = await call('POST', path, { body });
      answers.push(reply.text);
      expect([body, reply.body.code]).toEqual([body, code]);
    }
    const value = 'canary-from-a-person';
    rotations.provider.keys.set('person-1', { value, state: 'live' });
    const given = await call('POST', path, { body: { value, keyId: 'person-1' } });
    answers.push(given.text);
    expect([given.status, given.body.run.state]).toEqual([200, 'MINTED']);
    await rotations.go();
    const { body } = await call('GET', `/v1/rotations/${id}`);
    expect(body.run.state).toBe('GRACE');
    expect(body.keys[0]).toMatchObject({ state: 'live', keyId: 'person-1' });
  });
});

test('no answer holds a value', () => {
  expect(answers.length).toBeGreaterThan(10);
  for (const text of answers) {
    expect(text).not.toContain('canary');
    expect(text).not.toContain('value-of-');
  }
});

test('answers are kept out of caches, and only the token counts', async () => {
  const reply = await call('GET', '/v1/rotations');
  expect(reply.headers.get('cache-control')).toBe('no-store');
  expect(reply.headers.get('cross-origin-resource-policy')).toBe('same-origin');
  for (const [method, path] of [
    ['GET', '/v1/rotations'],
    ['GET', '/v1/rotations/providers'],
    ['GET', '/v1/rotations/calendar'],
    ['POST', '/v1/rotations'],
    ['POST', '/v1/rotations/check'],
  ] as const) {
    const bare = await call(method, path, {
      token: null,
      ...(method === 'POST' ? { body: {} } : {}),
    });
    expect([path, bare.status]).toEqual([path, 401]);
  }
});
