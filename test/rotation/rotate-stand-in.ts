import { onTestFinished } from 'vitest';
import {
  DEFAULT_ROTATION_SETTINGS,
  type RotationSettings,
  SecretValue,
} from '../../src/core/index.js';
import { createCutoverEngine } from '../../src/cutover/index.js';
import { createProviders, createRotationEngine } from '../../src/rotation/index.js';
import { TEST_ACTOR as actor, type TestStore } from '../support/open-test-store.js';
import { outbound } from '../support/provider-rig.js';
import type { ProviderStandIn } from '../support/provider-stand-in.js';
import { PACE, PLACE } from './rotation-rig.js';

interface StandInRotation {
  /** Whether a route names the secret: then a run begins a cutover. */
  readonly routed: boolean;
  /** Whether the value that the stand-in begins with is the first version. */
  readonly withInitial?: boolean;
  readonly settings?: Partial<RotationSettings>;
}

/** A rotation of a stand-in's keys, and an engine that runs it by the clock of the store. */
export async function rotateStandIn(
  opened: TestStore,
  standIn: ProviderStandIn,
  { routed, withInitial = false, settings = {} }: StandInRotation,
) {
  const { store, clock } = opened;
  for (const [name, value] of Object.entries(standIn.providerSecrets)) {
    await store.createSecret({ actor, name });
    const version = { actor, secret: name, environment: '_providers' };
    await store.addVersion({ ...version, value: SecretValue.fromText(value) });
  }
  await store.createSecret({ actor, name: PLACE.secret });
  if (withInitial && standIn.initial !== undefined) {
    await store.addVersion({ actor, ...PLACE, value: SecretValue.fromText(standIn.initial) });
  }
  if (routed) {
    const references = [{ route: 'api', ...PLACE, version: undefined }];
    const document = { routes: [] };
    await store.applyRoutes({ actor, document, references, source: 'api' });
  }
  const rotation = await store.enableRotation({
    actor,
    ...PLACE,
    ...DEFAULT_ROTATION_SETTINGS,
    provider: standIn.provider,
    intervalDays: null,
    cron: null,
    config: standIn.config,
    nextRunAtMs: clock.now(),
    ...settings,
  });
  const errors: unknown[] = [];
  const publish = async () => undefined;
  const onError = (error: unknown) => void errors.push(error);
  const cutovers = createCutoverEngine({
    store,
    clock,
    prober: { probe: () => Promise.reject(new Error('nobody asked for a probe')) },
    groundOf: async () => ({ probes: [], failure: undefined }),
    routes: { forward: async () => ({ type: 'done' }), back: async () => ({ type: 'done' }) },
    publish,
    onDecision: () => undefined,
    onError,
  });
  const engine = createRotationEngine({
    store,
    providers: createProviders({ commandFolder: standIn.commandFolder }),
    clock,
    pace: PACE,
    outbound,
    random: () => 0,
    holder: 'engine',
    publish,
    checkPropagation: async () => undefined,
    onState: () => undefined,
    onError,
  });
  onTestFinished(async () => {
    await engine.close();
    await cutovers.close();
    await standIn.close();
    await opened.cleanUp();
  });
  return {
    store,
    clock,
    rotation,
    errors,
    async current() {
      const versions = await store.listVersions(PLACE.secret, PLACE.environment);
      return versions.find(({ state }) => state === 'current');
    },
    async tick(ms: number) {
      await engine.tick();
      await cutovers.tick();
      clock.advance(ms);
    },
  };
}
