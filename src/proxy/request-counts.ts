import type { Plan, RequestDelta } from '../core/index.js';

/** What came of the requests of one client by one plan. */
interface SentCounts {
  readonly plan: Plan;
  readonly accepted: number;
  readonly refused: number;
  readonly failed: number;
  readonly lastUsedAtMs: number;
}

/** Adds what was sent, also where the plan places no secret. One that was sent twice counts twice. */
export function addRequestDeltas(into: Map<string, RequestDelta>, counts: SentCounts): void {
  const { environment } = counts.plan;
  for (const outcome of ['accepted', 'refused', 'failed'] as const) {
    const count = counts[outcome];
    if (count === 0) continue;
    addRequestDelta(into, { environment, outcome, count, atMs: counts.lastUsedAtMs });
  }
}

/** Adds to what is there under the same names. */
export function addRequestDelta(into: Map<string, RequestDelta>, delta: RequestDelta): void {
  const key = `${delta.outcome} ${delta.environment ?? ''}`;
  const known = into.get(key);
  into.set(
    key,
    known === undefined
      ? delta
      : {
          ...delta,
          count: known.count + delta.count,
          atMs: Math.max(known.atMs, delta.atMs),
        },
  );
}
