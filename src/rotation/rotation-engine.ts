import {
  AppError,
  type Cutover,
  isRunEnded,
  type Rotation,
  type RotationRun,
  SYSTEM_ACTOR,
} from '../core/index.js';
import { bindProvider } from './bound-provider.js';
import { isInside, nextWindowStart } from './maintenance-window.js';
import { withJitter } from './next-run.js';
import { planRotation } from './plan-rotation.js';
import { placeOf, type RunMemory, RunWorker, type RunWorkerOptions } from './run-worker.js';

/** So many runs go on beside each other; others wait for their turn. */
const AT_ONCE = 8;
/** Clocks are set, and other processes plan: so often it is looked without a word of anybody. */
const LONGEST_SLEEP_MS = 60_000;
const LEAST_SLEEP_MS = 50;
const PAGE = 500;
const MOST_RUNS = 10_000;
/** At a stop, a call of a provider gets so long to be answered: what is cut is not known. */
const DRAIN_MS = 10_000;

export interface RotationEngineOptions extends Omit<RunWorkerOptions, 'stopping' | 'cutting'> {
  /** From 0 to 1. */
  readonly random: () => number;
}

export interface RotationEngine {
  /** Begins what is due and takes on what is open; resolves when there is nothing to do for now. */
  tick(): Promise<void>;
  /** Something changed: looks now. */
  wake(): void;
  /** Lets go of all runs. What it leaves is in the store: the next engine goes on from there. */
  close(): Promise<void>;
}

/** Takes rotations on by what the store holds, and sleeps while nothing is due. */
export function createRotationEngine(options: RotationEngineOptions): RotationEngine {
  const { store, clock, pace } = options;
  const stop = new AbortController();
  const cut = new AbortController();
  const workerOptions = { ...options, stopping: stop.signal, cutting: cut.signal };
  const memories = new Map<string, RunMemory>();
  const working = new Map<string, Promise<void>>();
  /** Ready at the last look, and without a place among those that are worked on. */
  let queue: RotationRun[] = [];
  let closed = false;
  let isFailing = false;
  let mayBeUnplanned = true;
  let looksAgain = false;
  let looking: Promise<void> | undefined;
  let timer = setTimeout(look, LEAST_SLEEP_MS);
  timer.unref();

  /** One look at a time; one more where something changed meanwhile. */
  function look(): void {
    if (closed) return;
    if (looking !== undefined) {
      looksAgain = true;
      return;
    }
    clearTimeout(timer);
    looking = lookAround()
      .catch(tell)
      .then((sleepMs) => {
        looking = undefined;
        if (closed) return;
        timer = setTimeout(look, looksAgain ? 0 : (sleepMs ?? 1000));
        timer.unref();
        looksAgain = false;
      });
  }

  function tell(error: unknown): undefined {
    if (!isFailing) options.onError(error);
    isFailing = true;
  }

  /** Gives how long to sleep. */
  async function lookAround(): Promise<number> {
    if (mayBeUnplanned) await planAll();
    await beginDue();
    const open = await store.claimableRuns(MOST_RUNS);
    forgetOthers(open);
    const meetsCutover = open.some(isWatching);
    const cutovers = meetsCutover ? await store.runningCutovers() : [];
    const nowMs = clock.now();
    const ready = open.filter((run) => !working.has(run.id) && isReady(run, cutovers, nowMs));
    queue = ready.sort((a, b) => rankOf(a) - rankOf(b));
    beginQueued();
    isFailing = false;
    const dueAtMs = (await store.nextDueAtMs()) ?? Number.POSITIVE_INFINITY;
    const waits = open.map(({ id }) => memories.get(id)?.notBeforeMs ?? 0);
    const looksSoon = meetsCutover || queue.length > 0;
    const nextMs = Math.min(
      dueAtMs,
      ...waits.filter((untilMs) => untilMs > nowMs),
      looksSoon ? nowMs + pace.pollMs : Number.POSITIVE_INFINITY,
    );
    return Math.min(LONGEST_SLEEP_MS, Math.max(LEAST_SLEEP_MS, nextMs - clock.now()));
  }

  function forgetOthers(open: readonly RotationRun[]): void {
    const ids = new Set(open.map(({ id }) => id));
    for (const id of memories.keys()) if (!ids.has(id) && !working.has(id)) memories.delete(id);
  }

  function isReady(run: RotationRun, cutovers: readonly Cutover[], nowMs: number): boolean {
    if (run.retryAtMs !== null && run.retryAtMs > nowMs) return false;
    const memory = memories.get(run.id);
    const isSame = memory?.place === placeOf(run);
    if (isSame && (memory.notBeforeMs === null || memory.notBeforeMs > nowMs)) return false;
    return !isResting(run, cutovers);
  }

  function begin(run: RotationRun): void {
    const work = takeOn(run)
      .catch((error: unknown) => {
        tell(error);
        memories.set(run.id, {
          place: placeOf(run),
          verified: 0,
          checked: false,
          notBeforeMs: clock.now() + 1000,
        });
      })
      .finally(() => {
        working.delete(run.id);
        beginQueued();
        if (queue.length === 0) look();
      });
    working.set(run.id, work);
  }

  /** For as long as there is a place. Who claims a run sees whether it still is as it was. */
  function beginQueued(): void {
    while (!closed && working.size < AT_ONCE) {
      const next = queue.shift();
      if (next === undefined) return;
      if (!working.has(next.id)) begin(next);
    }
  }

  async function takeOn({ id, rotationId }: RotationRun): Promise<void> {
    const claimed = await store.claimRun({ id, holder: options.holder, leaseMs: pace.leaseMs });
    if (claimed === undefined) return;
    const worker = new RunWorker(workerOptions, claimed, memories.get(id));
    memories.set(id, await worker.work());
    const run = await store.getRun(id);
    if (run === undefined || !isRunEnded(run.state)) return;
    memories.delete(id);
    const rotation = await store.getRotation(rotationId);
    if (rotation?.nextRunAtMs === null) await plan(rotation);
  }

  /** Each once, however many ticks were missed. */
  async function beginDue(): Promise<void> {
    for (;;) {
      const nowMs = clock.now();
      const due = await store.dueRotations(nowMs, PAGE);
      for (const rotation of due) await beginOne(rotation, nowMs).catch(unlessOvertaken);
      if (due.length < PAGE || closed) return;
    }
  }

  async function beginOne(rotation: Rotation, nowMs: number): Promise<void> {
    const { id, window, timezone, nextRunAtMs: ifNextRunAtMs } = rotation;
    if (ifNextRunAtMs === null) return;
    const placed = window === null ? undefined : { window, timezone };
    if (placed !== undefined && !isInside(placed, nowMs)) {
      const nextRunAtMs = withJitter(rotation, nextWindowStart(placed, nowMs), options.random());
      await store.planRotation({ id, ifNextRunAtMs, nextRunAtMs });
      return;
    }
    const rotationId = id;
    await store.startRun({ actor: SYSTEM_ACTOR, rotationId, trigger: 'schedule', ifNextRunAtMs });
  }

  /** What has no next run because a run has just ended, or its value's expiry was not known. */
  async function planAll(): Promise<void> {
    mayBeUnplanned = false;
    let cursor: string | undefined;
    do {
      const page = await store.listRotations({ planned: false, limit: PAGE, cursor });
      for (const rotation of page.items) await plan(rotation);
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined && !closed);
  }

  async function plan(rotation: Rotation): Promise<void> {
    const { id, secret, environment } = rotation;
    const versions = await store.listVersions(secret, environment);
    const current = versions.find(({ state }) => state === 'current');
    const aheadMs = aheadOf(rotation);
    const nextRunAtMs = planRotation(rotation, aheadMs, current, clock.now(), options.random());
    if (nextRunAtMs === null) return;
    await store.planRotation({ id, ifNextRunAtMs: null, nextRunAtMs });
  }

  function aheadOf(rotation: Rotation): number | undefined {
    try {
      return bindProvider(options.providers, rotation).traits.aheadMs;
    } catch (error) {
      options.onError(error);
      return undefined;
    }
  }

  return {
    async tick() {
      do {
        if (looking === undefined) look();
        await looking;
        await Promise.all(working.values());
      } while (working.size > 0 || looking !== undefined);
    },
    wake() {
      mayBeUnplanned = true;
      look();
    },
    async close() {
      closed = true;
      stop.abort();
      clearTimeout(timer);
      await looking;
      const cutting = setTimeout(() => cut.abort(), DRAIN_MS);
      await Promise.all(working.values());
      clearTimeout(cutting);
    },
  };
}

/** What somebody waits for goes before what is merely due. */
function rankOf({ trigger }: RotationRun): number {
  return trigger === 'emergency' ? 0 : trigger === 'manual' ? 1 : 2;
}

/** Whether a cutover says when it goes on. */
function isWatching({ state }: RotationRun): boolean {
  return state === 'CUTOVER' || state === 'GRACE';
}

/** Whether its cutover is where it was: an emergency looks at what came of requests too. */
function isResting(run: RotationRun, cutovers: readonly Cutover[]): boolean {
  const { state, cutoverId, trigger } = run;
  const cutover = cutovers.find(({ id }) => id === cutoverId);
  if (cutover === undefined || trigger === 'emergency') return false;
  return cutover.state === 'CURRENT' ? state === 'GRACE' : state === 'CUTOVER';
}

function unlessOvertaken(error: unknown): void {
  const isOvertaken = error instanceof AppError && error.code === 'conflict';
  if (!isOvertaken) throw error;
}
