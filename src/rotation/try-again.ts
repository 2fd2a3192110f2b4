import type { CallFailure, RunCommit, RunDecision, RunSituation } from './run-situation.js';

/** So many attempts may fail before what must be done is told as a problem. */
const QUIET_ATTEMPTS = 3;

/** `message` and what to do about it, as a run tells them. */
export function sentenceOf({ message, whatToDo }: CallFailure): string {
  return `${message} ${whatToDo}`;
}

/** Tries the state again after the next pause of `retriesMs`; undefined when all were taken. */
export function tryFewTimes(
  { run, pace, nowMs }: RunSituation,
  failed: CallFailure,
  attempts: number,
): RunCommit | undefined {
  const pauseMs = pace.retriesMs[attempts - 1];
  if (pauseMs === undefined) return undefined;
  const retryAtMs = nowMs + Math.max(pauseMs, failed.retryAfterMs ?? 0);
  const problem = sentenceOf(failed);
  return {
    type: 'commit',
    to: run.state,
    changes: { attempts, retryAtMs, problem },
    note: problem,
  };
}

/**
 * Tries the state again, at growing intervals, for as long as the pace allows; then a person is asked. For what must
 * come to its end and can wait: the old key, or a new one that is to go.
 */
export function tryOnAndOn({ run, pace, nowMs }: RunSituation, failed: CallFailure): RunDecision {
  const attempts = run.attempts + 1;
  if (nowMs - run.stateSinceMs >= pace.retryForMs) {
    return needsAttention(sentenceOf(failed));
  }
  const firstMs = pace.retriesMs[0] ?? pace.longestRetryMs;
  const pauseMs = Math.min(firstMs * 2 ** Math.min(attempts - 1, 20), pace.longestRetryMs);
  const problem = attempts >= QUIET_ATTEMPTS ? sentenceOf(failed) : run.problem;
  const retryAtMs = nowMs + Math.max(pauseMs, failed.retryAfterMs ?? 0);
  return {
    type: 'commit',
    to: run.state,
    changes: { attempts, retryAtMs, problem },
    ...(problem !== null && problem !== run.problem && { note: problem }),
  };
}

/** Asks again what could not be found out; the attempts that are counted are others. */
export function askAgain({ run, pace, nowMs }: RunSituation, failed: CallFailure): RunDecision {
  if (nowMs - run.stateSinceMs >= pace.retryForMs) return needsAttention(sentenceOf(failed));
  const pauseMs = Math.max(pace.retriesMs.at(-1) ?? 0, failed.retryAfterMs ?? 0);
  const changes = { retryAtMs: nowMs + pauseMs, problem: sentenceOf(failed) };
  return { type: 'commit', to: run.state, changes };
}

/** Rests until a person says how it goes on. */
export function needsAttention(problem: string): RunDecision {
  return { type: 'commit', to: 'NEEDS_ATTENTION', changes: { problem }, note: problem };
}

/** The old key may be the last that works: who has revoked the new version decides what is used now. */
export function nothingIsCurrent({ run }: RunSituation): RunDecision {
  return needsAttention(
    `No version is current, so the key of version ${run.fromVersion} is left as it is: make a version current and resume the rotation, or roll it back.`,
  );
}

/** Says once what holds the run up, and looks again. */
export function hold(
  { run, pace, nowMs }: RunSituation,
  problem: string | null,
  untilMs = nowMs + pace.pollMs,
): RunDecision {
  if (run.problem === problem) return { type: 'wait', untilMs };
  const note = problem === null ? {} : { note: problem };
  const retryAtMs = problem === null ? null : untilMs;
  return { type: 'commit', to: run.state, changes: { problem, retryAtMs }, ...note };
}
