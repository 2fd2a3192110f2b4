import { expect, test } from 'vitest';
import { type RotationSettings, SecretValue } from '../../src/core/index.js';
import { TEST_ACTOR as actor, openTestStore } from '../support/open-test-store.js';
import { startOAuth2StandIn } from '../support/stand-ins/oauth2.js';
import { rotateStandIn } from './rotate-stand-in.js';
import { PLACE } from './rotation-rig.js';

const MINUTE_MS = 60_000;

type StandInOptions = Parameters<typeof startOAuth2StandIn>[0];

/** Hourly tokens of an authorization server, had by the clock of the test. */
async function startTokens(
  options: StandInOptions,
  routed: boolean,
  settings?: Partial<RotationSettings>,
) {
  const opened = await openTestStore();
  const standIn = await startOAuth2StandIn({ ...options, nowMs: () => opened.clock.now() });
  return {
    standIn,
    ...(await rotateStandIn(opened, standIn, { routed, ...(settings && { settings }) })),
  };
}

/** Goes on for so long, and gives how often the version in use had expired. */
async function runFor(rig: Awaited<ReturnType<typeof startTokens>>, ms: number, stepMs: number) {
  let expired = 0;
  for (const endMs = rig.clock.now() + ms; rig.clock.now() < endMs; ) {
    await rig.tick(stepMs);
    const version = await rig.current();
    if (version !== undefined && (version.expiresAtMs ?? 0) <= rig.clock.now()) expired++;
  }
  return expired;
}

test.each([
  ['client_credentials', true],
  ['client_credentials', false],
  ['refresh_token', true],
] as const)(
  'a token an hour, by %s, routed %s: none expires in use, and few values stay',
  async (mode, routed) => {
    const rig = await startTokens({ mode, lifeSeconds: 3600 }, routed);
    const { store, standIn } = rig;
    expect(await runFor(rig, MINUTE_MS, 2000)).toBe(0);
    expect((await rig.current())?.version).toBe(1);
    expect(await runFor(rig, 3 * 60 * MINUTE_MS, 30_000)).toBe(0);
    expect(rig.errors).toEqual([]);
    const versions = await store.listVersions(PLACE.secret, PLACE.environment);
    // One every fifty minutes.
    expect(versions.length).toBeGreaterThanOrEqual(4);
    expect(versions.length).toBeLessThanOrEqual(5);
    const held = versions.filter(({ state }) => state !== 'destroyed');
    expect(held.length).toBeLessThanOrEqual(2);
    const { items } = await store.listRuns(rig.rotation.id, { limit: 50 });
    expect(new Set(items.slice(1).map(({ state }) => state))).toEqual(new Set(['DONE']));
    if (mode === 'client_credentials') {
      const live = (await standIn.keys()).filter(
        ({ state, madeBy }) => state === 'live' && madeBy === 'keyferry',
      );
      expect(live.length).toBeLessThanOrEqual(2);
    } else {
      const refreshed = await store.listVersions('oauth_refresh', '_providers');
      expect(refreshed.length).toBeGreaterThan(versions.length);
    }
  },
);

test('tokens of five minutes are had in time, too', async () => {
  const rig = await startTokens({ lifeSeconds: 300 }, true);
  await runFor(rig, 30_000, 2000);
  expect(await runFor(rig, 10 * MINUTE_MS, 5000)).toBe(0);
  expect(rig.errors).toEqual([]);
});

test('a refresh token that was used by somebody else ends with a person, and goes on when it is replaced', async () => {
  const rig = await startTokens({ mode: 'refresh_token', lifeSeconds: 3600 }, false);
  const { store, standIn } = rig;
  await runFor(rig, MINUTE_MS, 2000);
  standIn.fail('spent', 1);
  await runFor(rig, 55 * MINUTE_MS, 30_000);
  const stopped = (await store.getRotation(rig.rotation.id))?.run;
  expect(stopped).toMatchObject({ state: 'NEEDS_ATTENTION', resumesAs: 'MINTING' });
  expect(stopped?.problem).toMatch(/Authorize the client anew.*oauth_refresh.*resume/);
  const secret = { actor, secret: 'oauth_refresh', environment: '_providers' };
  const value = SecretValue.fromText(standIn.authorizeAnew());
  const { version } = await store.addVersion({ ...secret, value });
  await store.activateVersion({ ...secret, version });
  await store.directRun({ actor, id: stopped?.id ?? '', to: 'resume' });
  await runFor(rig, 10 * MINUTE_MS, 5000);
  expect((await store.getRotation(rig.rotation.id))?.run?.state).toBe('DONE');
  expect((await rig.current())?.version).toBe(2);
});

test('after a run that failed, a tick of its schedule waits until five minutes have passed', async () => {
  const rig = await startTokens({ lifeSeconds: 3600 }, false, { cron: '* * * * *' });
  const { store, standIn, rotation } = rig;
  // Four attempts for each of two runs.
  standIn.fail('unavailable', 8);
  await runFor(rig, 14 * MINUTE_MS, 1000);
  const { items } = await store.listRuns(rotation.id, { limit: 50 });
  const [first, second, third, fourth] = items.toReversed();
  expect([first, second, third].map((run) => run?.state)).toEqual(['FAILED', 'FAILED', 'DONE']);
  for (const [failed, next] of [
    [first, second],
    [second, third],
  ]) {
    const restedMs = (next?.startedAtMs ?? 0) - (failed?.endedAtMs ?? 0);
    expect(restedMs).toBeGreaterThanOrEqual(5 * MINUTE_MS);
    expect(restedMs).toBeLessThan(6 * MINUTE_MS);
  }
  // One that was done waits for the next tick alone.
  expect((fourth?.startedAtMs ?? 0) - (third?.endedAtMs ?? 0)).toBeLessThanOrEqual(MINUTE_MS);
});
