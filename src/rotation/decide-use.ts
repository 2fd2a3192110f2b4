import { QUIET_MS } from '../core/index.js';
import { graceMinutes } from './grace.js';
import { isFailure, type RunDecision, type RunSituation } from './run-situation.js';
import { askAgain, hold } from './try-again.js';

const MINUTE_MS = 60_000;
/** The last part of the grace period in which the old version must not have been used. */
const QUIET_PART = 1 / 4;
const MOST_QUIET_MS = 12 * 3_600_000;
/** Clocks of providers are others than ours. */
const CLOCK_SKEW_MS = 5 * MINUTE_MS;

/**
 * What keeps the old key from being disabled: it is named or used by somebody. Undefined when it can go. An emergency
 * asks nobody.
 */
export function decideUse(situation: RunSituation): RunDecision | undefined {
  const { run, facts, outcome, nowMs, pace } = situation;
  const { oldVersion, oldIsKept, cutover } = facts;
  if (run.trigger === 'emergency' || oldVersion === undefined) return undefined;
  const what = `Version ${oldVersion.version}`;
  if (oldIsKept !== undefined) {
    return holdUsed(
      situation,
      `${what} is not disabled: ${oldIsKept}. The run goes on when that is over.`,
    );
  }
  const graceMs = graceMinutes(facts, cutover?.currentSinceMs ?? run.stateSinceMs) * MINUTE_MS;
  const quietMs = Math.max(pace.settleMs, Math.min(graceMs * QUIET_PART, MOST_QUIET_MS));
  const restsSinceMs = cutover?.endedAtMs ?? run.stateSinceMs;
  const lastUsedAtMs = oldVersion.lastUsedAtMs ?? 0;
  const quietFromMs = Math.max(lastUsedAtMs + quietMs, restsSinceMs + pace.settleMs);
  if (quietFromMs > nowMs) {
    // Within the window it may still be used by requests that are sent again: that ends by itself.
    const isStillUsed = lastUsedAtMs > restsSinceMs + pace.settleMs;
    const by = facts.oldUsedBy ?? 'somebody';
    const problem = isStillUsed ? `${what} is not disabled: it is still used (${by}).` : null;
    return holdUsed(situation, problem, quietFromMs);
  }
  if (!facts.traits.tellsLastUse) return undefined;
  if (isFailure(outcome) && outcome.call === 'last_use') {
    return withAttempts(askAgain(situation, outcome.failed), run.attempts + 1);
  }
  if (outcome?.call !== 'last_use') return { type: 'call', call: { name: 'last_use' } };
  if (isFailure(outcome) || outcome.atMs === undefined) return undefined;
  const ownUseMs = Math.max(lastUsedAtMs, cutover?.currentSinceMs ?? restsSinceMs);
  const isOurs = outcome.atMs <= ownUseMs + CLOCK_SKEW_MS;
  if (isOurs || nowMs - outcome.atMs >= QUIET_MS) return undefined;
  const at = new Date(outcome.atMs).toISOString();
  return holdUsed(
    situation,
    `${what} is not disabled: its key was used at the provider at ${at}, and not by Keyferry. Find who has a copy of it and give them a client token, or end it at once: keyferry rotate --emergency.`,
    outcome.atMs + QUIET_MS,
  );
}

/** That it is used, or named, is another problem than that nobody could be asked: only that one counts attempts. */
function holdUsed(situation: RunSituation, problem: string | null, untilMs?: number): RunDecision {
  return withAttempts(hold(situation, problem, untilMs), 0);
}

function withAttempts(decision: RunDecision, attempts: number): RunDecision {
  if (decision.type !== 'commit') return decision;
  return { ...decision, changes: { ...decision.changes, attempts } };
}
