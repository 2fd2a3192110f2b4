import { expect, test } from 'vitest';
import { TEST_ACTOR as actor, openTestStore } from '../support/open-test-store.js';
import type { ProviderStandIn } from '../support/provider-stand-in.js';
import { startCommandStandIn } from '../support/stand-ins/command.js';
import { startCustomStandIn } from '../support/stand-ins/custom.js';
import { rotateStandIn } from './rotate-stand-in.js';
import { PLACE } from './rotation-rig.js';

const SETTINGS = { intervalDays: 30, gracePeriodMinutes: 1, soakMinutes: 1 };

async function rotateTwice(start: (nowMs: () => number) => Promise<ProviderStandIn>) {
  const opened = await openTestStore();
  const standIn = await start(() => opened.clock.now());
  const rig = await rotateStandIn(opened, standIn, {
    routed: false,
    withInitial: true,
    settings: SETTINGS,
  });
  const run = async () => (await rig.store.getRotation(rig.rotation.id))?.run;
  const toEnd = async (): Promise<void> => {
    for (let tick = 0; tick < 200 && (await run())?.endedAtMs == null; tick++) await rig.tick(1000);
    expect(await run()).toMatchObject({ state: 'DONE' });
  };
  await toEnd();
  await rig.store.startRun({ actor, rotationId: rig.rotation.id, trigger: 'manual' });
  await toEnd();
  expect(rig.errors).toEqual([]);
  const keys = await rig.store.providerKeys(PLACE.secret, PLACE.environment);
  return { standIn, states: (await standIn.keys()).map(({ state }) => state), keys };
}

test('a signed hook is told which key goes, by the name that it gave it', async () => {
  const { states, keys } = await rotateTwice((nowMs) => startCustomStandIn('signed', { nowMs }));
  expect(states).toEqual(['gone', 'gone', 'live']);
  expect(keys.map(({ version, state, keyId }) => [version, state, keyId])).toEqual([
    [3, 'live', 'key_2'],
    [2, 'revoked', 'key_1'],
    [1, 'revoked', null],
  ]);
});

test('of a plain hook no key is said to be revoked', async () => {
  const { states, keys } = await rotateTwice(() => startCustomStandIn('plain'));
  expect(states).toEqual(['live', 'live', 'live']);
  expect(keys.map(({ state }) => state)).toEqual(['live', 'live', 'live']);
});

test('a command disables and revokes each key in turn', async () => {
  const { states, keys } = await rotateTwice(startCommandStandIn);
  expect(states).toEqual(['gone', 'gone', 'live']);
  expect(keys.map(({ state }) => state)).toEqual(['live', 'revoked', 'revoked']);
});

test.each([
  ['a signed hook', (nowMs: () => number) => startCustomStandIn('signed', { nowMs })],
  [
    'a hook with values of its own',
    (nowMs: () => number) => startCustomStandIn('signed', { nowMs, answersOwnValue: true }),
  ],
  ['a command', () => startCommandStandIn()],
])('no key of %s stays behind whose answer never comes', async (_what, start) => {
  const opened = await openTestStore();
  const standIn = await start(() => opened.clock.now());
  const rig = await rotateStandIn(opened, standIn, {
    routed: false,
    withInitial: true,
    settings: SETTINGS,
  });
  standIn.fail('lost_answer', 4);
  const run = async () => (await rig.store.getRotation(rig.rotation.id))?.run;
  for (let tick = 0; tick < 200 && (await run())?.endedAtMs == null; tick++) await rig.tick(1000);
  expect((await run())?.state).toBe('FAILED');
  expect((await standIn.keys()).map(({ madeBy, state }) => [madeBy, state])).toEqual([
    ['before', 'live'],
    ['keyferry', 'gone'],
  ]);
  expect((await rig.current())?.version).toBe(1);
  expect(rig.errors).toEqual([]);
});
