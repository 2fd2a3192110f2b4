import type { ProviderKeyState } from '../core/index.js';
import { goneState, oldKeyAs } from './decide-retiring.js';
import { findOrphan, forgetOrphan } from './find-orphans.js';
import { isFailure, type RunDecision, type RunSituation } from './run-situation.js';
import { askAgain, needsAttention, tryOnAndOn } from './try-again.js';

/** `ROLLING_BACK`: the old key works again, then its version is current again. */
export function decideRollingBack(situation: RunSituation): RunDecision {
  const { run, facts, outcome } = situation;
  const { oldKey, oldVersion, cutover } = facts;
  if (isFailure(outcome)) return tryOnAndOn(situation, outcome.failed);
  if (outcome?.call === 'enable_old') {
    const note = `The key of version ${run.fromVersion} is enabled at the provider again.`;
    return { type: 'commit', to: 'ROLLING_BACK', keys: oldKeyAs(situation, 'live'), note };
  }
  if (oldKey?.state === 'disabled') return { type: 'call', call: { name: 'enable_old' } };
  if (cutover !== undefined && cutover.endedAtMs === null) return { type: 'rollback_cutover' };
  if (facts.current === run.toVersion && run.toVersion !== null) {
    if (run.fromVersion !== null) return { type: 'activate', version: run.fromVersion };
    return needsAttention(
      `Version ${run.toVersion} is current, and there is no version before it: add one and make it current, then resume the rotation.`,
    );
  }
  // The new one was revoked while it was current.
  const isUsable = oldVersion?.state !== 'revoked' && oldVersion?.state !== 'destroyed';
  if (facts.current === null && oldVersion !== undefined && isUsable) {
    return { type: 'activate', version: oldVersion.version };
  }
  return { type: 'commit', to: 'CLEANUP' };
}

/** `CLEANUP`: what this run has made goes, first at the provider. */
export function decideCleanup(situation: RunSituation): RunDecision {
  const { run, facts, outcome, nowMs, pace } = situation;
  const { newVersion, newKey, traits } = facts;
  const wasLive = newVersion !== undefined && newVersion.activatedAtMs !== null;
  // Requests that began with it come to their end.
  const settledAtMs = run.stateSinceMs + pace.settleMs;
  if (wasLive && settledAtMs > nowMs) return { type: 'wait', untilMs: settledAtMs };
  if (newVersion === undefined) return cleanUpUnsealed(situation);
  if (isFailure(outcome)) return tryOnAndOn(situation, outcome.failed);
  const canRevoke = traits.revoke || traits.disable;
  const gone = goneState(traits);
  if (outcome?.call === 'revoke_new' || (!canRevoke && newKey?.state !== gone)) {
    return { type: 'commit', to: 'CLEANUP', keys: newKeyAs(situation, gone) };
  }
  if (newKey?.state !== gone) return { type: 'call', call: { name: 'revoke_new' } };
  const isRevoked = newVersion.state === 'revoked' || newVersion.state === 'destroyed';
  if (!isRevoked) return { type: 'revoke_version', version: newVersion.version };
  return { type: 'commit', to: 'ROLLED_BACK', reason: facts.whyBack };
}

/** There may be a key of which only its provider knows. */
function cleanUpUnsealed(situation: RunSituation): RunDecision {
  const { run, facts, outcome, nowMs, pace } = situation;
  const { traits } = facts;
  const failed: RunDecision = {
    type: 'commit',
    to: 'FAILED',
    reason: facts.whyBack,
    keys: newKeyAs(situation, 'none'),
  };
  if (isFailure(outcome)) {
    const { call, failed: why } = outcome;
    // Sent again and refused: it was never made.
    if (call === 'mint' && (why.failure === 'refused' || why.failure === 'spent')) return failed;
    return call === 'list' || call === 'mint'
      ? askAgain(situation, why)
      : tryOnAndOn(situation, why);
  }
  if (outcome?.call === 'delete_orphan') return forgetOrphan(situation);
  const [orphan] = run.orphanKeyIds;
  if (orphan !== undefined) return { type: 'call', call: { name: 'delete_orphan', keyId: orphan } };
  if (run.toVersion === null) return failed;
  // Whoever held the run may have a call under way that was not taken back in time.
  const silentAtMs = run.stateSinceMs + pace.callTimeoutMs;
  if (silentAtMs > nowMs) return { type: 'wait', untilMs: silentAtMs };
  switch (traits.recovery) {
    case 'list':
      if (outcome?.call !== 'list') return { type: 'call', call: { name: 'list' } };
      return findOrphan(situation, outcome.keyIds) ?? failed;
    case 'apply':
      if (outcome?.call === 'revoke_new' || !traits.revoke) return failed;
      return { type: 'call', call: { name: 'revoke_new' } };
    case 'replay':
      if (outcome?.call === 'revoke_new' || !traits.revoke) return failed;
      return { type: 'call', call: { name: outcome?.call === 'mint' ? 'revoke_new' : 'mint' } };
    default:
      return failed;
  }
}

function newKeyAs({ run }: RunSituation, state: ProviderKeyState) {
  return run.toVersion === null ? [] : [{ version: run.toVersion, state, keyId: run.newKeyId }];
}
