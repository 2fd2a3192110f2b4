import {
  AppError,
  type Clock,
  type Cutover,
  type CutoverRoutes,
  type CutoverStore,
  type Prober,
  type Store,
  SYSTEM_ACTOR,
} from '../core/index.js';
import type { CutoverGround } from './cutover-ground.js';
import { decideCutover } from './decide-cutover.js';
import { moveRoutes, type RoutedDecision, type SettledDecision } from './move-routes.js';
import { WatchedCutover } from './watched-cutover.js';

const TICK_EVERY_MS = 1000;
/** With very many clients it takes long to judge: this many times as long is then left to other work. */
const REST_PER_JUDGING = 10;
/** Who used the secret so long before the cutover may be expected to use it again. */
const EXPECTED_FOR_MS = 24 * 3_600_000;

export interface CutoverEngineOptions {
  readonly store: Pick<
    CutoverStore,
    | 'runningCutovers'
    | 'observationsOf'
    | 'advanceCutover'
    | 'holdCutover'
    | 'completeCutover'
    | 'rollbackCutover'
  > &
    Pick<Store, 'usageOf' | 'recordUsage'>;
  readonly prober: Prober;
  readonly clock: Clock;
  /** What the routes in use now say about a cutover. */
  readonly groundOf: (cutover: Cutover) => Promise<CutoverGround>;
  /** Moves the routes of cutovers by name. */
  readonly routes: CutoverRoutes;
  /** Puts the newest snapshot in place: a decision holds for requests from then on. */
  readonly publish: () => Promise<void>;
  /** Called when a decision was carried out, with the cutover as it then is. */
  readonly onDecision: (action: SettledDecision['action'], cutover: Cutover) => void;
  /** Called when the store fails, once until it is over: the engine goes on trying. */
  readonly onError: (error: unknown) => void;
}

export interface CutoverEngine {
  /** Decides once about every cutover that is under way; never twice at once. */
  tick(): Promise<void>;
  /** Waits for what is being decided. What it leaves is in the store: the next engine goes on from there. */
  close(): Promise<void>;
}

/** Takes cutovers on, about once a second, by what the store holds. */
export function createCutoverEngine(options: CutoverEngineOptions): CutoverEngine {
  const { store, clock } = options;
  const watched = new Map<string, WatchedCutover>();
  let closed = false;
  let isFailing = false;
  let ticking: Promise<void> | undefined;
  /** Of the tick under way: what it waits for, and what it carries out, is no reason to rest. */
  let judgingMs = 0;
  let timer = setTimeout(onTimer, TICK_EVERY_MS);
  timer.unref();

  function onTimer(): void {
    judgingMs = 0;
    void tick().then(() => {
      if (closed) return;
      const restMs = judgingMs * REST_PER_JUDGING;
      timer = setTimeout(onTimer, Math.max(TICK_EVERY_MS, restMs));
      timer.unref();
    });
  }

  function tick(): Promise<void> {
    ticking ??= decideAll()
      .then((failure) => {
        if (failure !== undefined && !isFailing) options.onError(failure);
        isFailing = failure !== undefined;
      })
      .finally(() => {
        ticking = undefined;
      });
    return ticking;
  }

  /** Gives the newest failure: what befalls one cutover stops no other one. */
  async function decideAll(): Promise<unknown> {
    let failure: unknown;
    try {
      for (const cutover of await findRunning()) {
        if (closed) return undefined;
        await decideOne(cutover).catch((error: unknown) => {
          failure = error;
        });
      }
    } catch (error) {
      failure = error;
    }
    return failure;
  }

  async function findRunning(): Promise<readonly Cutover[]> {
    if (closed) return [];
    const running = await store.runningCutovers();
    const ids = new Set(running.map(({ id }) => id));
    for (const id of watched.keys()) if (!ids.has(id)) watched.delete(id);
    return running;
  }

  async function decideOne(cutover: Cutover): Promise<void> {
    const { id } = cutover;
    let watch = watched.get(id);
    if (watch === undefined) {
      watch = new WatchedCutover(await expectedClients(cutover));
      watched.set(id, watch);
    }
    const observations = await store.observationsOf(id);
    const ground = await options.groundOf(cutover);
    const nowMs = clock.now();
    const beganAtMs = performance.now();
    const decision = decideCutover({
      cutover,
      observations,
      ground,
      nowMs,
      ...watch.lookAt(cutover, observations, nowMs),
    });
    judgingMs += performance.now() - beganAtMs;
    if (decision.action === 'wait') return;
    if (decision.action === 'probe') {
      const { prober, onError } = options;
      watch.probe({ cutover, ground, prober, store, nowMs, onError, isClosed: () => closed });
      return;
    }
    try {
      const routed = await moveRoutes(cutover, decision, options.routes);
      if (routed.action === 'wait') return;
      options.onDecision(routed.action, await carryOut(cutover, routed));
    } catch (error) {
      if (!wasOvertaken(error)) throw error;
      return;
    }
    await options.publish();
  }

  function carryOut(
    { id, state, step }: Cutover,
    decision: Exclude<RoutedDecision, { action: 'wait' }>,
  ): Promise<Cutover> {
    const { evidence, routes } = decision;
    const place = { actor: SYSTEM_ACTOR, id, ifState: state, ifStep: step, evidence, routes };
    switch (decision.action) {
      case 'advance':
        return store.advanceCutover(place);
      case 'hold':
        return store.holdCutover({ ...place, hold: decision.hold });
      case 'complete':
        return store.completeCutover({ ...place, reason: decision.reason });
      case 'rollback':
        return store.rollbackCutover({ ...place, reason: decision.reason });
    }
  }

  async function expectedClients(cutover: Cutover): Promise<ReadonlySet<string>> {
    const { secret, environment, startedAtMs, settings } = cutover;
    const rows = await store.usageOf(secret, environment);
    const names = rows
      .filter(({ lastUsedAtMs }) => lastUsedAtMs >= startedAtMs - EXPECTED_FOR_MS)
      .filter(({ route }) => settings.routes === null || settings.routes.includes(route))
      .map(({ client }) => client);
    return new Set(names);
  }

  return {
    tick,
    async close() {
      closed = true;
      clearTimeout(timer);
      await ticking;
    },
  };
}

/** Someone else was first: the next tick sees what there is then. */
function wasOvertaken(error: unknown): boolean {
  return (
    error instanceof AppError && (error.code === 'conflict' || error.code === 'precondition_failed')
  );
}
