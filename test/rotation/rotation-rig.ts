import { onTestFinished } from 'vitest';
import {
  type Clock,
  DEFAULT_ROTATION_SETTINGS,
  type Rotation,
  type RotationRun,
  type RotationSettings,
  type RunTrigger,
  SecretValue,
  type Store,
} from '../../src/core/index.js';
import { createCutoverEngine } from '../../src/cutover/index.js';
import {
  createRotationEngine,
  type KeyActions,
  type Recovery,
  type RotationEngine,
  type RotationPace,
} from '../../src/rotation/index.js';
import { KeyService, providerOf } from '../support/key-service.js';
import { TEST_ACTOR as actor, openTestStore, type TestStore } from '../support/open-test-store.js';
import { outbound } from '../support/provider-rig.js';

/** Short, by a clock that the test moves. */
export const PACE: RotationPace = {
  leaseMs: 10_000,
  callTimeoutMs: 500,
  retriesMs: [1000, 2000, 4000],
  longestRetryMs: 60_000,
  retryForMs: 3_600_000,
  verifyForMs: 10_000,
  verifyEveryMs: 100,
  settleMs: 1000,
  emergencyWaitMs: 5000,
  pollMs: 500,
};

export const PLACE = { secret: 'key', environment: 'production' };

export interface RigOptions {
  readonly recovery: Recovery;
  readonly actions?: KeyActions;
  readonly settings?: Partial<RotationSettings>;
  /** Whether a route names the secret: then the run begins a cutover. */
  readonly routed?: boolean;
  /** Without a first value. */
  readonly empty?: boolean;
}

export interface RotationRig {
  readonly opened: TestStore;
  readonly store: Store;
  readonly service: KeyService;
  readonly errors: unknown[];
  readonly states: string[];
  rotation(): Promise<Rotation>;
  run(): Promise<RotationRun>;
  start(trigger?: RunTrigger): Promise<RotationRun>;
  engine(store?: Store, clock?: Clock): RotationEngine;
  /** Ticks both engines and moves the clock until the run has ended or is as wanted. */
  until(wanted?: (run: RotationRun) => boolean, stepMs?: number): Promise<RotationRun>;
  currentVersions(): Promise<number[]>;
  tickCutovers(): Promise<void>;
  /** Before the end of the test. */
  close(): Promise<void>;
}

/** A real store, a rotation of `key` in production, and engines on demand. */
export async function startRig(options: RigOptions): Promise<RotationRig> {
  const { recovery, actions, routed = false, empty = false } = options;
  const opened = await openTestStore();
  const { store, clock } = opened;
  const service = new KeyService();
  const provider = providerOf(service, recovery, actions);
  const engines: { close(): Promise<void> }[] = [];
  const errors: unknown[] = [];
  const states: string[] = [];
  await store.createSecret({ actor, name: 'key' });
  await store.createSecret({ actor, name: 'service_token' });
  const credential = SecretValue.fromText(service.refreshToken);
  await store.addVersion({
    actor,
    secret: 'service_token',
    environment: '_providers',
    value: credential,
  });
  if (!empty) {
    await store.addVersion({ actor, ...PLACE, value: SecretValue.fromText('initial-key') });
  }
  if (routed) {
    await store.applyRoutes({
      actor,
      document: { routes: [] },
      references: [{ route: 'api', ...PLACE, version: undefined }],
      source: 'api',
    });
  }
  await store.enableRotation({
    actor,
    ...PLACE,
    ...DEFAULT_ROTATION_SETTINGS,
    provider: provider.id,
    intervalDays: 30,
    cron: null,
    gracePeriodMinutes: 1,
    soakMinutes: 1,
    cutover: { steps: [100] },
    config: { credential: 'service_token' },
    nextRunAtMs: clock.now() + 30 * 86_400_000,
    ...options.settings,
  });
  const cutovers = createCutoverEngine({
    store,
    clock,
    prober: { probe: () => Promise.reject(new Error('nobody asked for a probe')) },
    groundOf: async () => ({ probes: [], failure: undefined }),
    routes: { forward: async () => ({ type: 'done' }), back: async () => ({ type: 'done' }) },
    publish: async () => undefined,
    onDecision: () => undefined,
    onError: (error) => errors.push(error),
  });
  engines.push(cutovers);
  let isClosed = false;
  const close = async (): Promise<void> => {
    if (isClosed) return;
    isClosed = true;
    for (const engine of engines) await engine.close();
    await opened.cleanUp();
  };
  onTestFinished(close);

  const rig: RotationRig = {
    opened,
    store,
    service,
    errors,
    states,
    async rotation() {
      const found = await store.findRotation(PLACE.secret, PLACE.environment);
      if (found === undefined) throw new Error('there is no rotation');
      return found;
    },
    async run() {
      const { run } = await rig.rotation();
      if (run === null) throw new Error('there is no run');
      return run;
    },
    async start(trigger = 'manual') {
      return store.startRun({ actor, rotationId: (await rig.rotation()).id, trigger });
    },
    engine(ofStore = store, ofClock = clock) {
      const engine = createRotationEngine({
        store: ofStore,
        providers: new Map([[provider.id, provider]]),
        clock: ofClock,
        pace: PACE,
        outbound,
        random: () => 0,
        holder: `engine-${engines.length}`,
        publish: async () => undefined,
        checkPropagation: async () => undefined,
        onState: ({ state }) => states.push(state),
        onError: (error) => errors.push(error),
      });
      engines.push(engine);
      return engine;
    },
    async until(wanted = ({ endedAtMs }) => endedAtMs !== null, stepMs = 600) {
      const engine = rig.engine();
      for (let tick = 0; tick < 1000; tick++) {
        await engine.tick();
        await cutovers.tick();
        const run = await rig.run();
        if (wanted(run)) {
          await engine.close();
          return run;
        }
        clock.advance(stepMs);
      }
      throw new Error(`the run is ${JSON.stringify(await rig.run())}`);
    },
    tickCutovers: () => cutovers.tick(),
    close,
    async currentVersions() {
      const versions = await store.listVersions(PLACE.secret, PLACE.environment);
      return versions.flatMap(({ state, version }) => (state === 'current' ? [version] : []));
    },
  };
  return rig;
}
