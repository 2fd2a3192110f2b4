import { setTimeout as wait } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { SecretValue } from '../../src/core/index.js';
import { openKeyferryStore } from '../../src/open-store.js';
import { ALL_STAND_INS } from '../support/all-stand-ins.js';
import { clientsOf } from '../support/cutover-rig.js';
import { PATIENCE_MS } from '../support/patience.js';
import { startPlainUpstream } from '../support/plain-upstream.js';
import { type PreparedRotation, prepareRotation } from '../support/prepare-rotation.js';
import { headersWith } from '../support/provider-rig.js';
import type { ProviderStandIn } from '../support/provider-stand-in.js';
import { temporaryDataDir } from '../support/serve-process.js';
import { startKeyferry } from '../support/start-keyferry.js';
import { startLoad } from '../support/steady-load.js';

const PER_SECOND = 60;
/** A plain webhook knows no such thing, and an access token of a refresh token ends by itself. */
const REVOKES_NOTHING = ['custom_plain', 'oauth2_refresh'];
const LONGEST_MS = 120_000;

interface Started {
  readonly name: string;
  readonly standIn: ProviderStandIn;
  readonly prepared: PreparedRotation;
  readonly origin: string;
}

interface EndsByHand {
  endByHand?(headers: Readonly<Record<string, string>>): Promise<void>;
}

const clock = { now: () => Date.now() };

/** Every provider on this machine, with a rotation that is due, and an upstream that takes its keys. */
async function prepareAll(dataDir: string): Promise<Started[]> {
  const { store } = await openKeyferryStore({ dataDir, clock, createIfMissing: true });
  const started: Started[] = [];
  for (const { name, start } of ALL_STAND_INS) {
    const standIn = await start();
    if (standIn === undefined) continue;
    onTestFinished(() => standIn.close());
    const prepared = await prepareRotation(store, standIn, name, {
      nextRunAtMs: Date.now(),
      cutover: { steps: [50, 100], stepMinSamples: 5, stepMinSeconds: 1 },
    });
    const origin = await startPlainUpstream((request, response) => {
      request.resume().on('end', () => {
        void standIn
          .accepts(request.headers)
          .then((good) => response.writeHead(good ? 200 : 401).end());
      });
    });
    started.push({ name, standIn, prepared, origin });
  }
  await store.close();
  return started;
}

test('every provider: created, verified by live traffic, cut over to, and the old key revoked: no request fails', async () => {
  const dataDir = temporaryDataDir();
  const started = await prepareAll(dataDir);
  expect(started.length).toBeGreaterThan(4);
  const folder = started.find(({ standIn }) => standIn.commandFolder !== undefined)?.standIn
    .commandFolder;
  const keyferry = await startKeyferry(
    folder === undefined ? {} : { '--command-folder': folder },
    dataDir,
  );
  const runOf = async ({ prepared }: Started): Promise<string | undefined> => {
    const path = `/v1/rotations/${prepared.rotation.id}`;
    return (await keyferry.admin<{ run: { state: string } | null }>('GET', path)).run?.state;
  };
  // Where the first run makes the first value, the second one is looked at.
  const empty = started.filter(({ standIn }) => standIn.initial === undefined);
  for (const one of empty) {
    await vi.waitUntil(async () => (await runOf(one)) === 'DONE', {
      timeout: PATIENCE_MS,
      interval: 250,
    });
  }
  await keyferry.routes(
    started.map(({ name, prepared, origin }) => ({
      name,
      match: { pathPrefix: `/${name}` },
      headers: prepared.headers,
      environments: { production: { upstream: origin, allowPrivateNetwork: true } },
    })),
  );
  const tokens = [await keyferry.client('production'), await keyferry.client('production')];
  const ask = clientsOf(keyferry, tokens);
  for (const { prepared } of empty) {
    await keyferry.admin('POST', `/v1/rotations/${prepared.rotation.id}/rotate`, {});
  }
  const load = startLoad(PER_SECOND, async (call) => {
    const { name = '' } = started[call % started.length] ?? {};
    const status = await ask(call, `/${name}/orders`);
    if (status !== 200) throw new Error(`${name}: status ${status}`);
  });
  /** What a person does where the provider cannot: makes the new key, and ends the old one. */
  const lendAHand = async ({ standIn, prepared }: Started, state: string): Promise<void> => {
    const hands: ProviderStandIn & EndsByHand = standIn;
    if (state === 'AWAITING_VALUE') {
      const value = await standIn.valueToPaste?.();
      await keyferry.admin('POST', `/v1/rotations/${prepared.rotation.id}/value`, { value });
    }
    if (state !== 'REVOKING' || standIn.initial === undefined) return;
    await hands.endByHand?.(headersWith(standIn, SecretValue.fromText(standIn.initial)));
  };
  const endsAtMs = Date.now() + LONGEST_MS;
  let left: readonly Started[] = started;
  while (left.length > 0 && Date.now() < endsAtMs) {
    await wait(500);
    const states = await Promise.all(
      left.map(async (one) => {
        const state = await runOf(one);
        await lendAHand(one, state ?? '');
        return [one, state] as const;
      }),
    );
    left = states.flatMap(([one, state]) => (state === 'DONE' ? [] : [one]));
  }
  const { failures } = await load.stop();
  const { items } = await keyferry.admin<{ items: { secret: string; detail: object }[] }>(
    'GET',
    '/v1/audit?action=rotation.run&limit=1000',
  );
  const told = left.map(({ name }) =>
    items.filter(({ secret }) => secret === name).map(({ detail }) => detail),
  );
  expect(told).toEqual([]);
  expect(failures).toEqual([]);
  for (const { name, standIn } of started) {
    const keys = await standIn.keys();
    const live = keys.filter(({ state }) => state === 'live').map(({ madeBy }) => madeBy);
    const lives = REVOKES_NOTHING.includes(name) ? ['before', 'keyferry'] : [expect.any(String)];
    expect([name, live]).toEqual([name, lives]);
    const isBefore = keys.some(({ madeBy, state }) => madeBy === 'before' && state === 'live');
    expect([name, isBefore]).toEqual([name, REVOKES_NOTHING.includes(name)]);
  }
});
