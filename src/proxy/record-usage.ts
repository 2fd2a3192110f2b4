import type { Clock, Plan, Store, UsageDelta, UsageOutcome } from '../core/index.js';

const FLUSH_EVERY_MS = 1000;

interface Counter {
  readonly plan: Plan;
  readonly clientId: string;
  accepted: number;
  refused: number;
  failed: number;
  firstUsedAtMs: number;
  lastUsedAtMs: number;
}

export interface UsageRecorder {
  /** Counts one request. `usedAtMs` is when it was sent. */
  record(plan: Plan, clientId: string, outcome: UsageOutcome, usedAtMs: number): void;
  /** Writes what has gathered; resolves when it is stored, or kept for the next time. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Gathers usage in memory and writes it once a second in one transaction, and at close. A store that
 * cannot take it delays no request: the counts are kept and written later.
 */
export function createUsageRecorder(options: {
  readonly store: Pick<Store, 'recordUsage'>;
  readonly clock: Clock;
  readonly onError: (error: unknown) => void;
}): UsageRecorder {
  let counters = new Map<Plan, Map<string, Counter>>();
  let unsent = new Map<string, UsageDelta>();
  let flushing: Promise<void> = Promise.resolve();
  const timer = setInterval(() => void flush(), FLUSH_EVERY_MS);
  timer.unref();

  function record(plan: Plan, clientId: string, outcome: UsageOutcome, usedAtMs: number): void {
    let byClient = counters.get(plan);
    if (byClient === undefined) {
      byClient = new Map();
      counters.set(plan, byClient);
    }
    let counter = byClient.get(clientId);
    if (counter === undefined) {
      counter = {
        plan,
        clientId,
        accepted: 0,
        refused: 0,
        failed: 0,
        firstUsedAtMs: usedAtMs,
        lastUsedAtMs: usedAtMs,
      };
      byClient.set(clientId, counter);
    }
    counter[outcome]++;
    if (usedAtMs > counter.lastUsedAtMs) counter.lastUsedAtMs = usedAtMs;
    else if (usedAtMs < counter.firstUsedAtMs) counter.firstUsedAtMs = usedAtMs;
  }

  function flush(): Promise<void> {
    flushing = flushing.then(async () => {
      const gathered = counters;
      counters = new Map();
      for (const byClient of gathered.values()) {
        for (const counter of byClient.values()) addDeltas(unsent, counter);
      }
      if (unsent.size === 0) return;
      const sending = unsent;
      unsent = new Map();
      try {
        await options.store.recordUsage([...sending.values()]);
      } catch (error) {
        for (const delta of sending.values()) addDelta(unsent, delta);
        options.onError(error);
      }
    });
    return flushing;
  }

  return {
    record,
    flush,
    async close() {
      clearInterval(timer);
      await flush();
    },
  };
}

function addDeltas(into: Map<string, UsageDelta>, counter: Counter): void {
  const { plan, clientId, firstUsedAtMs, lastUsedAtMs } = counter;
  for (const { secretId, version } of plan.uses) {
    for (const outcome of ['accepted', 'refused', 'failed'] as const) {
      const count = counter[outcome];
      if (count === 0) continue;
      addDelta(into, {
        secretId,
        environment: plan.environment,
        version,
        route: plan.route,
        clientId,
        outcome,
        count,
        firstUsedAtMs,
        lastUsedAtMs,
      });
    }
  }
}

/** Adds to what is there under the same names, so that a long outage of the store takes no more memory. */
function addDelta(into: Map<string, UsageDelta>, delta: UsageDelta): void {
  const { secretId, environment, version, route, clientId, outcome } = delta;
  const key = [secretId, environment, version, route, clientId, outcome].join(' ');
  const known = into.get(key);
  into.set(
    key,
    known === undefined
      ? delta
      : {
          ...delta,
          count: known.count + delta.count,
          firstUsedAtMs: Math.min(known.firstUsedAtMs, delta.firstUsedAtMs),
          lastUsedAtMs: Math.max(known.lastUsedAtMs, delta.lastUsedAtMs),
        },
  );
}
