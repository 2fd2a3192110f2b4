import type {
  Clock,
  CutoverDelta,
  Plan,
  RequestDelta,
  Store,
  UsageDelta,
  UsageOutcome,
} from '../core/index.js';
import {
  addCutoverDelta,
  addCutoverDeltas,
  cutoverBetween,
  type PairCounts,
} from './cutover-counts.js';
import type { UsageSink } from './request-context.js';
import { addRequestDelta, addRequestDeltas } from './request-counts.js';

const FLUSH_EVERY_MS = 1000;

interface Counter {
  readonly plan: Plan;
  readonly clientId: string;
  accepted: number;
  refused: number;
  failed: number;
  /** Of these, the ones that say nothing about the versions. */
  unobserved: { accepted: number; refused: number; failed: number } | undefined;
  /** By the cutover that they speak for. */
  pairs: Map<string, PairCounts> | undefined;
  firstUsedAtMs: number;
  lastUsedAtMs: number;
}

export interface UsageRecorder extends UsageSink {
  /** Writes what has gathered; resolves when it is stored, or kept for the next time. */
  flush(): Promise<void>;
  /** False where something could not be written, and is lost. */
  close(): Promise<boolean>;
}

/**
 * Gathers usage in memory and writes it once a second in one transaction, and at close, with what it says about
 * cutovers: read from the same counts, so that a request costs no more for one. A store that cannot take it delays
 * no request: the counts are kept and written later.
 */
export function createUsageRecorder(options: {
  readonly store: Pick<Store, 'recordUsage'>;
  readonly clock: Clock;
  readonly onError: (error: unknown) => void;
}): UsageRecorder {
  let counters = new Map<Plan, Map<string, Counter>>();
  let unsent = new Map<string, UsageDelta>();
  let unsentCutovers = new Map<string, CutoverDelta>();
  let unsentRequests = new Map<string, RequestDelta>();
  let notSent = new Map<string | undefined, { count: number }>();
  let flushing: Promise<void> = Promise.resolve();
  const timer = setInterval(() => void flush(), FLUSH_EVERY_MS);
  timer.unref();

  function counterFor(plan: Plan, clientId: string, usedAtMs: number): Counter {
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
        unobserved: undefined,
        pairs: undefined,
        firstUsedAtMs: usedAtMs,
        lastUsedAtMs: usedAtMs,
      };
      byClient.set(clientId, counter);
    }
    return counter;
  }

  function record(
    plan: Plan,
    clientId: string,
    outcome: UsageOutcome,
    usedAtMs: number,
    isObserved: boolean,
  ): void {
    const counter = counterFor(plan, clientId, usedAtMs);
    counter[outcome]++;
    if (!isObserved) {
      counter.unobserved ??= { accepted: 0, refused: 0, failed: 0 };
      counter.unobserved[outcome]++;
    }
    if (usedAtMs > counter.lastUsedAtMs) counter.lastUsedAtMs = usedAtMs;
    else if (usedAtMs < counter.firstUsedAtMs) counter.firstUsedAtMs = usedAtMs;
  }

  function recordPair(refused: Plan, other: Plan, clientId: string, outcome: UsageOutcome): void {
    const cutoverId = cutoverBetween(refused, other);
    if (cutoverId === undefined || outcome === 'failed') return;
    const count = (plan: Plan, kind: keyof PairCounts): void => {
      const counter = counterFor(plan, clientId, options.clock.now());
      counter.pairs ??= new Map();
      const known = counter.pairs.get(cutoverId) ?? { paired: 0, shared: 0 };
      known[kind]++;
      counter.pairs.set(cutoverId, known);
    };
    count(refused, outcome === 'accepted' ? 'paired' : 'shared');
    if (outcome === 'refused') count(other, 'shared');
  }

  function recordNotSent(environment: string | undefined): void {
    const known = notSent.get(environment);
    if (known === undefined) notSent.set(environment, { count: 1 });
    else known.count++;
  }

  function flush(): Promise<void> {
    flushing = flushing.then(async () => {
      const gathered = counters;
      counters = new Map();
      for (const [environment, { count }] of notSent) {
        const atMs = options.clock.now();
        addRequestDelta(unsentRequests, { environment, outcome: 'notSent', count, atMs });
      }
      notSent = new Map();
      for (const byClient of gathered.values()) {
        for (const counter of byClient.values()) {
          addDeltas(unsent, counter);
          addRequestDeltas(unsentRequests, counter);
          addCutoverDeltas(unsentCutovers, observed(counter));
        }
      }
      if (unsentRequests.size === 0) return;
      const sending = unsent;
      const sendingCutovers = unsentCutovers;
      const sendingRequests = unsentRequests;
      unsent = new Map();
      unsentCutovers = new Map();
      unsentRequests = new Map();
      try {
        await options.store.recordUsage(
          [...sending.values()],
          [...sendingCutovers.values()],
          [...sendingRequests.values()],
        );
      } catch (error) {
        for (const delta of sendingRequests.values()) addRequestDelta(unsentRequests, delta);
        for (const delta of sending.values()) addDelta(unsent, delta);
        for (const delta of sendingCutovers.values()) addCutoverDelta(unsentCutovers, delta);
        options.onError(error);
      }
    });
    return flushing;
  }

  return {
    record,
    recordPair,
    recordNotSent,
    flush,
    async close() {
      clearInterval(timer);
      await flush();
      return unsentRequests.size === 0;
    },
  };
}

function observed(counter: Counter): Counter {
  const { accepted, refused, failed, unobserved } = counter;
  if (unobserved === undefined) return counter;
  return {
    ...counter,
    accepted: accepted - unobserved.accepted,
    refused: refused - unobserved.refused,
    failed: failed - unobserved.failed,
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
