import type { Cutover } from '../core/index.js';
import { decideUse } from './decide-use.js';
import { goesLiveAtMs, graceMinutes } from './grace.js';
import {
  type CallFailure,
  isFailure,
  type RunDecision,
  type RunSituation,
} from './run-situation.js';
import { hold, nothingIsCurrent, sentenceOf } from './try-again.js';

const MINUTE_MS = 60_000;
/** In a row. */
const VERIFICATIONS = 3;
/** A provider that cannot be asked says nothing about the key: it is waited for so many times as long as a refusal. */
const PATIENCE = 30;

/** `PROBING`: whether the new value works at its provider, and where the rotation says how to try it. */
export function decideProbing(situation: RunSituation): RunDecision {
  const { run, facts, outcome, verified, checked } = situation;
  const { newVersion, rotation } = facts;
  if (newVersion === undefined || newVersion.state === 'revoked') return newIsGone(situation);
  if (facts.current === run.toVersion) return { type: 'commit', to: 'CUTOVER' };
  if (isFailure(outcome)) return afterFailedTry(situation, outcome.failed, run.stateSinceMs);
  if (verified < VERIFICATIONS) return { type: 'call', call: { name: 'verify' } };
  const endpoint = rotation.propagationCheck?.endpoint;
  if (endpoint?.startsWith('/') && !checked) return { type: 'call', call: { name: 'check' } };
  return { type: 'commit', to: 'CUTOVER', note: `Version ${run.toVersion} works.` };
}

/** `CUTOVER`: the pointer moves by a cutover, and by nothing else. */
export function decideCutoverState(situation: RunSituation): RunDecision {
  const { run, facts, outcome, nowMs } = situation;
  const { cutover, newVersion, rotation } = facts;
  if (newVersion === undefined || newVersion.state === 'revoked') return newIsGone(situation);
  if (cutover?.state === 'ROLLED_BACK') return rollBack(cutover.reason);
  if (isFailure(outcome) && outcome.call === 'check') {
    return afterFailedTry(situation, outcome.failed, cutover?.currentSinceMs ?? run.stateSinceMs);
  }
  if (isFailure(outcome)) return hold(situation, sentenceOf(outcome.failed));
  if (cutover !== undefined && cutover.id !== run.cutoverId) {
    return { type: 'commit', to: 'CUTOVER', changes: { cutoverId: cutover.id, problem: null } };
  }
  if (facts.current === run.toVersion) {
    const { propagationCheck } = rotation;
    const isPath = propagationCheck?.endpoint.startsWith('/') ?? true;
    if (!isPath && !situation.checked) return { type: 'call', call: { name: 'check' } };
    const deadlineAtMs = cutover?.windowEndsAtMs ?? nowMs + graceMinutes(facts, nowMs) * MINUTE_MS;
    const note = `Version ${run.toVersion} is current; version ${run.fromVersion ?? 'none'} stays live beside it.`;
    return { type: 'commit', to: 'GRACE', changes: { deadlineAtMs }, note };
  }
  const activate: RunDecision = { type: 'activate', version: newVersion.version };
  if (nowMs >= (goesLiveAtMs(facts) ?? Number.POSITIVE_INFINITY)) return activate;
  if (cutover !== undefined) {
    if (run.trigger === 'emergency') return hurryCutover(situation, cutover) ?? activate;
    return { type: 'wait', untilMs: nowMs + situation.pace.pollMs };
  }
  if (facts.otherCutover !== undefined) {
    const { id, state } = facts.otherCutover;
    return hold(
      situation,
      `Cutover ${id} of the secret is under way (${state}): the run goes on when it has ended.`,
    );
  }
  // Nobody uses it: there is nothing to observe.
  if (facts.current === null || !facts.isRouted) return activate;
  return { type: 'start_cutover' };
}

/** `GRACE`: both versions are live until the cutover is over; then the old one must have come to rest. */
export function decideGrace(situation: RunSituation): RunDecision {
  const { run, facts, nowMs, pace, outcome } = situation;
  const { cutover, traits } = facts;
  if (cutover?.state === 'ROLLED_BACK') return rollBack(cutover.reason);
  if (run.fromVersion === null) return { type: 'commit', to: 'DONE', reason: doneFirst(situation) };
  if (facts.current === run.fromVersion) {
    return rollBack(`Version ${run.fromVersion} was made current again.`);
  }
  if (facts.current === null) return nothingIsCurrent(situation);
  const isEmergency = run.trigger === 'emergency';
  if (isFailure(outcome)) return hold(situation, sentenceOf(outcome.failed));
  if (cutover !== undefined && cutover.state !== 'COMPLETED') {
    if (isEmergency) return hurryWindow(situation, cutover);
    return { type: 'wait', untilMs: nowMs + pace.pollMs };
  }
  const deadlineMs = cutover === undefined && !isEmergency ? (run.deadlineAtMs ?? nowMs) : nowMs;
  if (deadlineMs > nowMs) return { type: 'wait', untilMs: deadlineMs };
  if (traits.disable) return { type: 'commit', to: 'DISABLING' };
  const inUse = decideUse(situation);
  if (inUse !== undefined) return inUse;
  return { type: 'commit', to: 'REVOKING' };
}

/** What an emergency waits for that found a cutover under way, or whose own one does not go on; undefined for nothing. */
function hurryCutover(situation: RunSituation, cutover: Cutover): RunDecision | undefined {
  const { run, facts, nowMs, pace } = situation;
  const stopped = whyStopped(cutover, `activate version ${run.toVersion}`);
  if (stopped !== undefined) return hold(situation, stopped);
  const untilMs = run.stateSinceMs + pace.emergencyWaitMs;
  if (facts.accepted > 0 || nowMs >= untilMs) return undefined;
  return { type: 'wait', untilMs: Math.min(untilMs, nowMs + pace.pollMs) };
}

/** The same for its window. */
function hurryWindow(situation: RunSituation, cutover: Cutover): RunDecision {
  const stopped = whyStopped(cutover, 'complete it');
  const reason = stopped === undefined ? whyComplete(situation) : undefined;
  return reason === undefined
    ? hold(situation, stopped ?? null)
    : { type: 'complete_cutover', reason };
}

/** What a person said, or requests say, is not passed by. */
function whyStopped({ id, paused, hold }: Cutover, instead: string): string | undefined {
  const why = paused ? 'paused' : hold;
  if (why === null) return undefined;
  return `Cutover ${id} does not go on (${why}). Look why, then ${instead} or roll the run back.`;
}

/** Why an emergency need not wait for the end of the window; undefined while it must. */
function whyComplete({ facts, nowMs, pace }: RunSituation): string | undefined {
  const { accepted, cutover } = facts;
  if (cutover?.state !== 'CURRENT') return undefined;
  if (accepted > 0) return 'Emergency: the new version was accepted.';
  const waitedMs = nowMs - (cutover.currentSinceMs ?? nowMs);
  if (waitedMs < pace.emergencyWaitMs) return undefined;
  return 'Emergency: no request came, and the provider has verified the new version.';
}

function doneFirst({ run }: RunSituation): string {
  return `Version ${run.toVersion} is current; there was no version before it.`;
}

/** A refusal may be over soon: a new key is not known everywhere at once. */
function afterFailedTry(
  situation: RunSituation,
  failed: CallFailure,
  sinceMs: number,
): RunDecision {
  const { nowMs, pace } = situation;
  const problem = sentenceOf(failed);
  const isRefused = failed.failure === 'refused';
  const forMs = pace.verifyForMs * (isRefused ? 1 : PATIENCE);
  if (nowMs - sinceMs >= forMs) return rollBack(problem);
  const everyMs = Math.max(pace.verifyEveryMs, failed.retryAfterMs ?? 0);
  return hold(situation, problem, nowMs + everyMs);
}

function newIsGone({ run }: RunSituation): RunDecision {
  return rollBack(`Version ${run.toVersion} was revoked.`);
}

/** `why` becomes the reason of the run's end. */
export function rollBack(why: string | null): RunDecision {
  return { type: 'commit', to: 'ROLLING_BACK', note: why ?? 'The cutover was rolled back.' };
}
