import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type CutoverDelta, NO_COUNTS, PROBE_CLIENT } from '../../src/core/index.js';
import { TEST_ACTOR } from '../support/open-test-store.js';
import { addSecret, route, startAdmin, type TestAdmin } from './start-admin.js';

let admin: TestAdmin;
let clientId: string;

beforeAll(async () => {
  admin = await startAdmin();
  for (const name of ['pay_key', 'pay_other', 'web_key']) {
    await addSecret(admin, name, ['production', 'staging']);
  }
  await admin.call('PUT', '/v1/routes', {
    body: {
      routes: [
        route('stripe', 'pay_key', ['production', 'staging']),
        route('refunds', 'pay_key', ['production']),
        route('pinned', 'pay_key@1', ['production']),
        route('web', 'web_key', ['production']),
      ],
    },
  });
  const created = await admin.call('POST', '/v1/clients', {
    body: { name: 'shop', environment: 'production' },
  });
  clientId = created.body.id;
  await admin.call('POST', '/v1/clients', { body: { name: 'desk', environment: 'staging' } });
});
afterEach(endAll);
afterAll(() => admin.stop());

const placeOf = (secret: string, environment = 'production') =>
  `/v1/secrets/${secret}/environments/${environment}`;

async function addVersion(secret: string, environment = 'production'): Promise<number> {
  const path = `${placeOf(secret, environment)}/versions`;
  const { body } = await admin.call('POST', path, { body: { value: `value-${Math.random()}` } });
  return body.version;
}

async function start(secret: string, settings: object = {}, options: object = {}) {
  const toVersion = await addVersion(secret);
  const body = { toVersion, ...settings };
  return admin.call('POST', `${placeOf(secret)}/cutovers`, { body, ...options });
}

async function endAll(): Promise<void> {
  for (const { id } of await admin.opened.store.runningCutovers()) {
    await admin.opened.store.rollbackCutover({ actor: TEST_ACTOR, id, reason: 'the test is over' });
  }
}

const advance = (id: string, ifState: 'PENDING' | 'CANARY', ifStep: number) =>
  admin.opened.store.advanceCutover({ actor: TEST_ACTOR, id, ifState, ifStep, evidence: null });

describe('starting one', () => {
  test('answers with the whole cutover, its settings filled', async () => {
    const before = admin.published();
    const { status, body } = await start('pay_key', { steps: [1, 25] });
    expect(status).toBe(201);
    expect(body).toMatchObject({
      secret: 'pay_key',
      environment: 'production',
      fromVersion: 1,
      toVersion: 2,
      toSecret: null,
      state: 'PENDING',
      step: 0,
      percent: 0,
      settings: {
        steps: [1, 25, 100],
        stepMinSamples: 50,
        stepMinSeconds: 60,
        maxRefusalRatio: 0.01,
        windowMinutes: 2880,
        routes: null,
        clients: null,
        onRefusal: 'rollback',
        stickyClients: false,
      },
      paused: false,
      hold: null,
      startedAt: '2026-11-01T00:00:00.000Z',
      startedBy: 'admin-1',
      currentSince: null,
      endedAt: null,
      waitsFor: ['probes of the routes that have one, then its first step'],
      figures: [],
      observations: [],
    });
    // Once for the version, once for the cutover.
    expect(admin.published()).toBe(before + 2);
  });

  test('is refused while another one of the secret and environment runs', async () => {
    const first = await start('pay_key');
    const second = await start('pay_key');
    expect([first.status, second.status, second.body.code]).toEqual([201, 409, 'conflict']);
  });

  test('is done once for an idempotency key', async () => {
    const toVersion = await addVersion('pay_key');
    const once = () =>
      admin.call('POST', `${placeOf('pay_key')}/cutovers`, {
        body: { toVersion },
        headers: { 'Idempotency-Key': 'once' },
      });
    const [first, second] = [await once(), await once()];
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(second.body.id).toBe(first.body.id);
  });

  test.each([
    [{ steps: [10, 10] }, 'steps: found an array, expected ascending numbers, each once'],
    [{ steps: [50, 10] }, 'expected ascending numbers'],
    [{ steps: [0, 100] }, 'steps[0]: found a number, expected at least 1'],
    [{ steps: [101] }, 'steps[0]: found a number, expected at most 100'],
    [{ steps: [1.5] }, 'steps[0]: found a number, expected a whole number'],
    [{ steps: [] }, 'steps: found an array, expected at least 1 items'],
    [{ stepMinSamples: 0 }, 'stepMinSamples: found a number, expected at least 1'],
    [{ maxRefusalRatio: 2 }, 'maxRefusalRatio: found a number, expected at most 1'],
    [{ onRefusal: 'rolback' }, 'did you mean "rollback"?'],
    [{ routes: ['stripe', 'stripe'] }, 'routes: found an array, expected each name once'],
    [{ minSamples: 5 }, 'minSamples is not known'],
    [
      { routes: ['refunds', 'strpe'] },
      'routes[1]: no such route takes the current version of pay_key in production; these do: stripe, refunds; did you mean "stripe"?',
    ],
    [{ routes: ['web'] }, 'these do: stripe, refunds'],
    [{ routes: ['pinned'] }, 'these do: stripe, refunds'],
    [
      { clients: ['shp'] },
      'clients[0]: no such client may send requests in production; these do: shop; did you mean "shop"?',
    ],
    [{ clients: ['desk'] }, 'these do: shop'],
  ])('says what is wrong with %j', async (settings, message) => {
    const { status, body } = await start('pay_key', settings);
    expect([status, body.code]).toEqual([400, 'invalid_request']);
    expect(`${body.detail}`.replace(': is not', ' is not')).toContain(message);
    expect(await admin.opened.store.runningCutovers()).toEqual([]);
  });

  test('is refused for a version that is not there, or is current', async () => {
    const path = `${placeOf('pay_other')}/cutovers`;
    const absent = await admin.call('POST', path, { body: { toVersion: 9 } });
    expect([404, 409]).toContain(absent.status);
    const current = await admin.call('POST', path, { body: { toVersion: 1 } });
    expect([current.status, current.body.code]).toEqual([409, 'version_unusable']);
  });

  test('is refused for the same value once more, whose value is not shown', async () => {
    const value = 'value-of-pay_other-in-production';
    const { body: added } = await admin.call('POST', `${placeOf('pay_other')}/versions`, {
      body: { value },
    });
    const path = `${placeOf('pay_other')}/cutovers`;
    const { status, body, text } = await admin.call('POST', path, {
      body: { toVersion: added.version },
    });
    expect([status, body.code]).toEqual([409, 'version_unusable']);
    expect(body.detail).toContain('holds the same value as version 1, which is current');
    expect(text).not.toContain(value);
  });
});

describe('one under way', () => {
  test('shows its figures and what it waits for, in words', async () => {
    const { store, clock } = admin.opened;
    const { id } = (await start('pay_key')).body;
    await advance(id, 'PENDING', 0);
    const delta = (more: Partial<CutoverDelta>): CutoverDelta => ({
      ...NO_COUNTS,
      cutoverId: id,
      step: 0,
      side: 'new',
      route: 'stripe',
      clientId,
      ...more,
    });
    await store.recordUsage(
      [],
      [
        delta({ accepted: 9, refused: 1, pairedRefusals: 1 }),
        delta({ accepted: 3, clientId: PROBE_CLIENT }),
        delta({ accepted: 90, failed: 2, side: 'old' }),
      ],
    );
    const { body } = await admin.call('GET', `/v1/cutovers/${id}`);
    expect(body).toMatchObject({ state: 'CANARY', percent: 10 });
    expect(body.waitsFor).toEqual([
      '12 of 50 samples',
      'certainty: 1 of 13 were refused, and accepted with the old one',
      `the step's 60 seconds, until ${new Date(clock.now() + 60_000).toISOString()}`,
    ]);
    expect(body.figures).toEqual([
      {
        step: 0,
        percent: 10,
        old: { ...NO_COUNTS, accepted: 90, failed: 2 },
        new: { ...NO_COUNTS, accepted: 12, refused: 1, pairedRefusals: 1 },
        probes: 3,
        clients: 1,
      },
    ]);
    const versions = new Map([
      ['old', body.fromVersion],
      ['new', body.toVersion],
    ]);
    expect(body.observations).toHaveLength(3);
    for (const row of body.observations) {
      expect(row.version).toBe(versions.get(row.side));
      expect(row).toMatchObject({ step: 0, percent: 10, route: 'stripe' });
    }
    expect(body.observations.map((row: { client: string }) => row.client).sort()).toEqual([
      'probe',
      'shop',
      'shop',
    ]);
  });

  test('says why it holds, and what a person can do', async () => {
    const { id } = (await start('pay_key')).body;
    await advance(id, 'PENDING', 0);
    await admin.opened.store.holdCutover({
      actor: TEST_ACTOR,
      id,
      ifState: 'CANARY',
      ifStep: 0,
      hold: 'upstream_failing',
      evidence: null,
    });
    const { body } = await admin.call('GET', `/v1/cutovers/${id}`);
    expect(body.hold).toEqual({
      reason: 'upstream_failing',
      explanation: 'The upstream fails with both versions.',
      whatToDo: 'Wait: it goes on by itself when the upstream works again.',
    });
    expect(body.waitsFor[0]).toBe('the end of its hold: The upstream fails with both versions.');
  });

  test('is paused, resumed, completed with a reason; then it takes nothing more', async () => {
    const { id, toVersion } = (await start('pay_key')).body;
    const act = (verb: string, body?: object) =>
      admin.call('POST', `/v1/cutovers/${id}/${verb}`, body === undefined ? {} : { body });
    expect((await act('pause')).body).toMatchObject({ paused: true, state: 'PENDING' });
    expect((await act('resume')).body).toMatchObject({ paused: false });
    const { status, body } = await act('complete', { reason: 'the key leaked' });
    expect(status).toBe(200);
    expect(body).toMatchObject({ state: 'COMPLETED', percent: 100, waitsFor: [] });
    expect(body.reason).toContain('the key leaked');
    const { body: secret } = await admin.call('GET', '/v1/secrets/pay_key');
    expect(secret.currentVersions.production).toBe(toVersion);
    expect((await act('complete')).body).toEqual(body);
    for (const verb of ['pause', 'resume', 'rollback']) {
      const refused = await act(verb);
      expect([verb, refused.status, refused.body.code]).toEqual([verb, 409, 'conflict']);
    }
    expect((await act('pause', { reason: 'x' })).status).toBe(400);
  });

  test('is rolled back', async () => {
    const { id, fromVersion } = (await start('pay_key', { steps: [100] })).body;
    await advance(id, 'PENDING', 0);
    const current = await admin.call('GET', `/v1/cutovers/${id}`);
    expect(current.body).toMatchObject({ state: 'CURRENT', percent: 100 });
    expect(current.body.waitsFor[0]).toContain('the end of the window');
    const { body } = await admin.call('POST', `/v1/cutovers/${id}/rollback`);
    expect(body).toMatchObject({ state: 'ROLLED_BACK', percent: 0, endedByItself: false });
    const { body: secret } = await admin.call('GET', '/v1/secrets/pay_key');
    expect(secret.currentVersions.production).toBe(fromVersion);
  });

  test('is shown with its secret', async () => {
    const { id } = (await start('pay_key')).body;
    await advance(id, 'PENDING', 0);
    const cutoverOf = async () => {
      const { body } = await admin.call('GET', '/v1/secrets/pay_key');
      return Object.fromEntries(
        body.environments.map((held: { environment: string; cutover: unknown }) => [
          held.environment,
          held.cutover,
        ]),
      );
    };
    expect(await cutoverOf()).toEqual({
      production: { id, state: 'CANARY', percent: 10 },
      staging: null,
    });
    const { body: list } = await admin.call('GET', '/v1/secrets?environment=production');
    expect(JSON.stringify(list.items)).toContain(id);
    await endAll();
    expect(await cutoverOf()).toEqual({ production: null, staging: null });
  });
});

describe('the list', () => {
  test('is newest first, by filters, in pages', async () => {
    await start('web_key');
    const newest = (await start('pay_other')).body.id;
    const list = async (query: string) => {
      const { body } = await admin.call('GET', `/v1/cutovers${query}`);
      return body.items.map(({ id }: { id: string }) => id);
    };
    const all = await list('');
    expect(all[0]).toBe(newest);
    expect(all.length).toBeGreaterThan(3);
    expect(await list('?secret=pay_other')).toEqual([newest]);
    expect(await list('?running=true')).toEqual([newest, expect.any(String)]);
    expect(await list('?environment=staging')).toEqual([]);
    expect((await list('?state=ROLLED_BACK')).length).toBe(all.length - 3);
    const first = await admin.call('GET', '/v1/cutovers?limit=2');
    expect(first.body.items).toHaveLength(2);
    expect(first.body.items[0]).not.toHaveProperty('observations');
    const rest = await list(`?limit=1000&cursor=${encodeURIComponent(first.body.nextCursor)}`);
    expect([...first.body.items.map(({ id }: { id: string }) => id), ...rest]).toEqual(all);
    for (const [query, nearest] of [
      ['?secret=pay_ky', 'pay_key'],
      ['?environment=prodution', 'production'],
    ]) {
      const { status, text } = await admin.call('GET', `/v1/cutovers${query}`);
      expect([404, 422]).toContain(status);
      expect(text).toContain(nearest);
    }
    const wrong = await admin.call('GET', '/v1/cutovers?state=CANARI');
    expect(wrong.body.detail).toContain('did you mean "CANARY"?');
  });
});

describe('who may', () => {
  test('a viewer reads, and changes nothing', async () => {
    const token = await admin.mint({ role: 'viewer' });
    const { id } = (await start('pay_key')).body;
    const calls: [string, string, number][] = [
      ['GET', '/v1/cutovers', 200],
      ['GET', `/v1/cutovers/${id}`, 200],
      ['POST', `/v1/cutovers/${id}/pause`, 403],
      ['POST', `/v1/cutovers/${id}/resume`, 403],
      ['POST', `/v1/cutovers/${id}/complete`, 403],
      ['POST', `/v1/cutovers/${id}/rollback`, 403],
      ['POST', `${placeOf('pay_key')}/cutovers`, 403],
    ];
    for (const [method, path, expected] of calls) {
      const { status } = await admin.call(method, path, { token });
      expect([method, path, status]).toEqual([method, path, expected]);
    }
  });

  test.each([
    ['another environment', { environments: ['staging'] }],
    ['another prefix', { secretPrefix: 'web_' }],
  ])('a token of %s sees none of it and changes none of it', async (_, scope) => {
    const token = await admin.mint({ role: 'admin', ...scope });
    const { id } = (await start('pay_key')).body;
    const list = await admin.call('GET', '/v1/cutovers?running=true', { token });
    expect(list.body.items).toEqual([]);
    const withoutId = (text: string) => text.replace(/"requestId":"[^"]*"/, '');
    const absent = await admin.call('GET', '/v1/cutovers/none', { token });
    for (const [method, tail] of [
      ['GET', ''],
      ['GET', '/events'],
      ['POST', '/pause'],
      ['POST', '/complete'],
      ['POST', '/rollback'],
    ] as const) {
      const hidden = await admin.call(method, `/v1/cutovers/${id}${tail}`, { token });
      expect([tail, hidden.status]).toEqual([tail, 404]);
      expect(withoutId(hidden.text)).toBe(withoutId(absent.text));
    }
    const started = await start('pay_key', {}, { token });
    expect(started.status).toBe(404);
    expect((await admin.opened.store.getCutover(id))?.state).toBe('PENDING');
  });

  test('a limited token works within its limits, and hears of no client beyond them', async () => {
    const token = await admin.mint({ role: 'operator', secretPrefix: 'pay_' });
    const refused = await start('pay_key', { clients: ['shop'] }, { token });
    expect(refused.body.detail).toContain('no client does');
    expect(refused.text).not.toContain('shop');
    const { status, body } = await start('pay_key', { routes: ['stripe'] }, { token });
    expect([status, body.settings.routes]).toEqual([201, ['stripe']]);
  });
});
