import type { ProviderKey } from '../core/index.js';
import { findOrphan, forgetOrphan } from './find-orphans.js';
import {
  type CallFailure,
  isFailure,
  type RunCommit,
  type RunDecision,
  type RunSituation,
} from './run-situation.js';
import { askAgain, hold, needsAttention, sentenceOf, tryFewTimes } from './try-again.js';

const PLAN: RunDecision = { type: 'call', call: { name: 'plan' } };

/** `PREFLIGHT`: whether a run may be begun, and what it begins with. */
export function decidePreflight(situation: RunSituation): RunDecision {
  const { run, facts, outcome } = situation;
  if (isFailure(outcome)) return failSoon(situation, outcome.failed, run.attempts + 1);
  if (outcome?.call !== 'plan') {
    const { otherCutover } = facts;
    if (otherCutover === undefined) return PLAN;
    return hold(
      situation,
      `Cutover ${otherCutover.id} of the secret is under way (${otherCutover.state}): the run goes on when it has ended.`,
    );
  }
  const { principal, plan } = outcome;
  if (facts.traits.recovery !== 'assisted') return { type: 'reserve', principal, plan };
  const problem =
    facts.traits.instructions ??
    'A person makes the new key at the provider and gives it to Keyferry.';
  return {
    type: 'commit',
    to: 'AWAITING_VALUE',
    changes: {
      problem,
      principal,
      keyIdsBefore: plan.keyIds ?? null,
      oldKeyId: plan.oldKeyId ?? facts.currentKeyId ?? null,
    },
    note: problem,
  };
}

/**
 * `MINTING`. An attempt is counted before it is made, without a `retryAtMs`: found so again, nobody knows what came of
 * it. That a key may be there is kept as the state `unknown` of the new version's key, until it is known.
 */
export function decideMinting(situation: RunSituation): RunDecision {
  const { run, facts, outcome } = situation;
  const { recovery } = facts.traits;
  if (isFailure(outcome)) {
    const { call, failed } = outcome;
    if (call === 'mint') return afterFailedMint(situation, failed);
    if (call !== 'plan') return askAgain(situation, failed);
    const again = failSoon(situation, failed, run.attempts + 1);
    // From what there was before, nothing is told any more.
    return again.to === 'FAILED'
      ? again
      : { ...again, changes: { ...again.changes, keyIdsBefore: null } };
  }
  switch (outcome?.call) {
    case 'mint':
      return { type: 'seal', minted: outcome.minted };
    case 'plan':
      return { type: 'reserve', principal: outcome.principal, plan: outcome.plan };
    case 'list':
      return afterList(situation, outcome.keyIds);
    case 'delete_orphan':
      return forgetOrphan(situation);
  }
  const [orphan] = run.orphanKeyIds;
  if (orphan !== undefined) return { type: 'call', call: { name: 'delete_orphan', keyId: orphan } };
  // A person has said that it goes on: with what there is by now.
  if (recovery === 'list' && (run.attempts === 0 || run.keyIdsBefore === null)) return PLAN;
  if (run.attempts === 0) return { type: 'mint' };
  if (mayBeThere(situation) && recovery === 'list') return { type: 'call', call: { name: 'list' } };
  const isUnderWay = run.retryAtMs === null;
  return isUnderWay
    ? presumeMade(situation, 'The server stopped while the key was made.')
    : { type: 'mint' };
}

/** A try that has changed nothing: a few more, and it has failed. */
function failSoon(situation: RunSituation, failed: CallFailure, attempts: number): RunCommit {
  const again = tryFewTimes(situation, failed, attempts);
  return again ?? { type: 'commit', to: 'FAILED', reason: sentenceOf(failed) };
}

function afterFailedMint(situation: RunSituation, failed: CallFailure): RunDecision {
  const { run, facts } = situation;
  const problem = sentenceOf(failed);
  if (failed.failure === 'unknown') return presumeMade(situation, problem);
  // Somebody else may just have put a new one in the place of what was spent: it is read again once.
  if (failed.failure === 'spent' && run.attempts > 1) return needsAttention(problem);
  if (mayBeThere(situation) && facts.traits.recovery !== 'list') {
    const again = tryFewTimes(situation, failed, run.attempts);
    return again ?? { type: 'commit', to: 'CLEANUP', note: problem };
  }
  return failSoon(situation, failed, run.attempts);
}

function presumeMade(situation: RunSituation, note: string): RunDecision {
  const { run, facts, pace, nowMs } = situation;
  const { recovery } = facts.traits;
  if (recovery === 'consume') {
    return needsAttention(
      `${note} What it needs may be used up: look at its credential in _providers, replace it where it is spent, and resume the rotation.`,
    );
  }
  const keys = [keyOf(situation, 'unknown')];
  const changes = { problem: note };
  if (recovery === 'list') return { type: 'commit', to: 'MINTING', changes, keys, note };
  const pauseMs = pace.retriesMs[run.attempts - 1];
  if (pauseMs === undefined) return { type: 'commit', to: 'CLEANUP', keys, note };
  return {
    type: 'commit',
    to: 'MINTING',
    changes: { ...changes, retryAtMs: nowMs + pauseMs },
    keys,
    note,
  };
}

function afterList(situation: RunSituation, keyIds: readonly string[]): RunDecision {
  const { run, pace, nowMs } = situation;
  const orphan = findOrphan(situation, keyIds);
  if (orphan !== undefined) return orphan;
  const keys = [keyOf(situation, 'none')];
  const pauseMs = pace.retriesMs[run.attempts - 1];
  const reason = run.problem ?? 'The provider did not answer when the key was made.';
  if (pauseMs === undefined) return { type: 'commit', to: 'FAILED', keys, reason };
  return { type: 'commit', to: 'MINTING', changes: { retryAtMs: nowMs + pauseMs }, keys };
}

function mayBeThere({ facts }: RunSituation): boolean {
  return facts.newKey?.state === 'unknown';
}

function keyOf({ run }: RunSituation, state: 'none' | 'unknown'): ProviderKey {
  return { version: run.toVersion ?? 0, state, keyId: null };
}
