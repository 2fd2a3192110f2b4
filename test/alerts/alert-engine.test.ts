import { afterEach, beforeEach, expect, test } from 'vitest';
import { type AlertEngine, createAlertEngine } from '../../src/alerts/index.js';
import {
  type Alert,
  type Cutover,
  DEFAULT_CUTOVER_SETTINGS,
  SecretValue,
  SYSTEM_ACTOR,
  type UsageDelta,
} from '../../src/core/index.js';
import { TEST_ACTOR as actor, openTestStore, type TestStore } from '../support/open-test-store.js';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const place = { secret: 'pay_key', environment: 'production' };

let opened: TestStore;
let engine: AlertEngine;
const errors: unknown[] = [];

beforeEach(async () => {
  opened = await openTestStore();
  await opened.store.createSecret({ actor, name: 'pay_key', rotateEveryDays: 90 });
  await addVersion();
  await addVersion();
  start();
});
afterEach(async () => {
  await engine.close();
  await opened.cleanUp();
  expect(errors.splice(0)).toEqual([]);
});

function start(): void {
  const { store, clock } = opened;
  engine = createAlertEngine({ store, clock, onError: (error) => errors.push(error) });
}

async function addVersion(): Promise<void> {
  await opened.store.addVersion({ actor, ...place, value: SecretValue.fromText('a value') });
}

async function restart(): Promise<void> {
  await engine.close();
  opened = await opened.reopen();
  start();
}

async function open(): Promise<readonly Alert[]> {
  return (await opened.store.listAlerts({ open: true })).items;
}

async function openKinds(): Promise<string[]> {
  return (await open()).map(({ kind }) => kind).sort();
}

function beginCutover(): Promise<Cutover> {
  const { store } = opened;
  const settings = DEFAULT_CUTOVER_SETTINGS;
  return store.startCutover({ actor, ...place, toVersion: 2, toSecret: null, settings });
}

async function refused(count: number, accepted = 0): Promise<readonly UsageDelta[]> {
  const secretId = (await opened.store.getSecret('pay_key'))?.id ?? '';
  const atMs = opened.clock.now();
  const delta = {
    secretId,
    environment: 'production',
    version: 1,
    route: 'pay',
    clientId: 'c1',
    firstUsedAtMs: atMs,
    lastUsedAtMs: atMs,
  };
  return [
    { ...delta, outcome: 'refused', count },
    { ...delta, outcome: 'accepted', count: accepted },
  ];
}

test('a version grows old: one alert that becomes more urgent, then overdue, then over', async () => {
  opened.clock.advance(84 * DAY_MS);
  await engine.sweep();
  await engine.sweep();
  expect(await openKinds()).toEqual(['rotation_due', 'secret_unused']);
  const due = (await open()).find(({ kind }) => kind === 'rotation_due');
  expect(due).toMatchObject({ urgency: 'notice', count: 1, secret: 'pay_key', version: 1 });
  await opened.store.acknowledgeAlert({ actor, id: due?.id ?? '', note: 'next week' });
  await engine.sweep();
  expect(await opened.store.getAlert(due?.id ?? '')).toMatchObject({
    note: 'next week',
    closedAtMs: null,
  });
  opened.clock.advance(5 * DAY_MS);
  await restart();
  await engine.sweep();
  expect(await opened.store.getAlert(due?.id ?? '')).toMatchObject({
    urgency: 'warning',
    acknowledgedAtMs: null,
    count: 2,
  });
  opened.clock.advance(DAY_MS);
  await engine.sweep();
  expect(await openKinds()).toEqual(['secret_overdue', 'secret_unused']);
  expect((await opened.store.getAlert(due?.id ?? ''))?.closedBecause).toBe('its cause is over');
  await addVersion();
  await opened.store.activateVersion({ actor, ...place, version: 3 });
  await engine.sweep();
  expect(await openKinds()).toEqual([]);
});

test('a sweep counts ages, and one is made where somebody asks and it is due', async () => {
  const { store, clock } = opened;
  await store.createSecret({ actor, name: 'young', maximumAgeDays: 10 });
  const none = { fresh: 0, ageing: 0, overdue: 0 };
  clock.advance(89 * DAY_MS);
  const value = SecretValue.fromText('a value');
  for (const environment of ['production', 'staging']) {
    await store.addVersion({ actor, secret: 'young', environment, value });
  }
  clock.advance(9 * DAY_MS);
  await expect
    .poll(() => engine.ages())
    .toEqual({
      countedAtMs: clock.now(),
      environments: [
        {
          environment: 'production',
          bands: [
            { ...none, belowDays: 30, ageing: 1 },
            { ...none, belowDays: 90 },
            { ...none, belowDays: 180, overdue: 1 },
            { ...none, belowDays: 365 },
            { ...none, belowDays: null },
          ],
        },
        {
          environment: 'staging',
          bands: expect.arrayContaining([{ ...none, belowDays: 30, ageing: 1 }]),
        },
      ],
    });
  clock.advance(DAY_MS);
  await expect.poll(async () => (await engine.ages())?.countedAtMs).toBe(clock.now());
});

test('alerts about a secret that is deleted are over', async () => {
  opened.clock.advance(31 * DAY_MS);
  await engine.sweep();
  expect(await openKinds()).toEqual(['secret_unused']);
  await opened.store.deleteSecret({ actor, name: 'pay_key' });
  await engine.sweep();
  expect(await openKinds()).toEqual([]);
});

test('a cutover that Keyferry rolled back is told of once, and stays until somebody has seen it', async () => {
  const byHand = await beginCutover();
  await opened.store.rollbackCutover({ actor, id: byHand.id, reason: 'by hand' });
  await engine.tick();
  expect(await open()).toEqual([]);
  const { id } = await beginCutover();
  await opened.store.rollbackCutover({ actor: SYSTEM_ACTOR, id, reason: 'refused 12 times' });
  await engine.tick();
  await restart();
  await engine.tick();
  opened.clock.advance(DAY_MS);
  await engine.sweep();
  await engine.tick();
  const [alert, ...others] = await open();
  expect(others).toEqual([]);
  expect(alert).toMatchObject({ kind: 'cutover_rolled_back', cutover: id, count: 1 });
  expect(engine.openCounts().get('cutover_rolled_back')).toBe(1);
  await opened.store.acknowledgeAlert({ actor, id: alert?.id ?? '' });
  await restart();
  await engine.tick();
  expect(await open()).toEqual([]);
  const rows = await opened.store.listAudit({ action: 'alert.acknowledge' });
  expect(rows.items).toHaveLength(1);
});

test('a cutover that is held is told of after half an hour, until it goes on', async () => {
  const { id, state: ifState, step: ifStep } = await beginCutover();
  const at = { actor: SYSTEM_ACTOR, id, ifState, ifStep, evidence: null };
  await opened.store.holdCutover({ ...at, hold: 'upstream_failing' });
  await engine.tick();
  opened.clock.advance(30 * MINUTE_MS - 1);
  await engine.tick();
  expect(await openKinds()).toEqual([]);
  opened.clock.advance(1);
  await engine.tick();
  await engine.tick();
  expect(await open()).toMatchObject([{ kind: 'cutover_held', count: 1 }]);
  await restart();
  await engine.tick();
  expect(await openKinds()).toEqual(['cutover_held']);
  await opened.store.holdCutover({ ...at, hold: null });
  await engine.tick();
  expect(await openKinds()).toEqual([]);
});

test('refusals of an upstream: repeated, counted, over after ten quiet minutes', async () => {
  engine.usage(await refused(9));
  await engine.tick();
  expect(await open()).toEqual([]);
  engine.usage(await refused(1));
  await engine.tick();
  engine.usage(await refused(5));
  await engine.tick();
  expect(await open()).toMatchObject([
    { kind: 'credential_refused', count: 15, secret: 'pay_key', version: 1, route: 'pay' },
  ]);
  opened.clock.advance(5 * MINUTE_MS);
  await restart();
  opened.clock.advance(9 * MINUTE_MS);
  await engine.tick();
  expect(await openKinds()).toEqual(['credential_refused']);
  opened.clock.advance(MINUTE_MS);
  await engine.tick();
  expect(await openKinds()).toEqual([]);
  engine.usage(await refused(10));
  await engine.tick();
  expect(await open()).toMatchObject([{ kind: 'credential_refused', count: 10 }]);
});

test('a few refusals among many requests that are accepted are no alert', async () => {
  engine.usage(await refused(1, 100));
  await engine.tick();
  engine.usage(await refused(20, 1000));
  await engine.tick();
  expect(await open()).toEqual([]);
});

test('an echo is counted by route and secret, and stays', async () => {
  const echo = {
    kind: 'hit',
    action: 'masked',
    route: 'pay',
    environment: 'production',
    secrets: ['pay_key'],
    requestId: 'r1',
    client: 'shop',
  } as const;
  for (let index = 0; index < 3; index++) engine.echo(echo);
  await engine.tick();
  engine.echo(echo);
  engine.echo({ ...echo, kind: 'unreadable' });
  await engine.tick();
  opened.clock.advance(40 * MINUTE_MS);
  await engine.tick();
  expect(await open()).toMatchObject([{ kind: 'echo_hit', count: 4, secret: 'pay_key' }]);
});
