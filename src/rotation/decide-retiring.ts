import type { ProviderKey, ProviderKeyState } from '../core/index.js';
import { rollBack } from './decide-going-live.js';
import { decideUse } from './decide-use.js';
import {
  isFailure,
  type ProviderTraits,
  type RunDecision,
  type RunSituation,
} from './run-situation.js';
import { hold, nothingIsCurrent, sentenceOf, tryOnAndOn } from './try-again.js';

const MINUTE_MS = 60_000;

/** `DISABLING`: written as disabled before it is, so that no version is made current whose key may be off. */
export function decideDisabling(situation: RunSituation): RunDecision {
  const { run, facts, outcome, nowMs } = situation;
  const { oldVersion, oldKey, rotation } = facts;
  if (facts.current === run.fromVersion) {
    return rollBack(`Version ${run.fromVersion} was made current again.`);
  }
  if (facts.current === null && oldKey?.state !== 'disabled') return nothingIsCurrent(situation);
  if (isFailure(outcome) && outcome.call === 'disable_old') {
    const { failed } = outcome;
    if (failed.failure !== 'in_use') return tryOnAndOn(situation, failed);
    // It was left as it is: its version can be used again meanwhile.
    const problem = sentenceOf(failed);
    const retryAtMs = nowMs + Math.max(failed.retryAfterMs ?? 0, 10 * situation.pace.pollMs);
    return {
      type: 'commit',
      to: 'DISABLING',
      changes: { problem, retryAtMs },
      keys: oldKeyAs(situation, 'live'),
    };
  }
  if (outcome?.call === 'disable_old') {
    const soakMs = run.trigger === 'emergency' ? 0 : rotation.soakMinutes * MINUTE_MS;
    return {
      type: 'commit',
      to: 'SOAK',
      changes: { deadlineAtMs: nowMs + soakMs },
      note: `The key of version ${run.fromVersion} is disabled at the provider.`,
    };
  }
  if (oldVersion === undefined)
    return { type: 'commit', to: 'SOAK', changes: { deadlineAtMs: nowMs } };
  const inUse = decideUse(situation);
  if (inUse !== undefined) return inUse;
  if (oldKey?.state !== 'disabled') {
    return { type: 'commit', to: 'DISABLING', keys: oldKeyAs(situation, 'disabled') };
  }
  return { type: 'call', call: { name: 'disable_old' } };
}

/** `SOAK`: the old key is off, and can be switched on again. */
export function decideSoak({ run, nowMs }: RunSituation): RunDecision {
  const deadlineMs = run.deadlineAtMs ?? nowMs;
  if (deadlineMs > nowMs) return { type: 'wait', untilMs: deadlineMs };
  return { type: 'commit', to: 'REVOKING' };
}

/** `REVOKING`: at the provider first. There is no way back, and no end before it is done. */
export function decideRevoking(situation: RunSituation): RunDecision {
  const { run, facts, outcome } = situation;
  const { oldVersion, traits, oldKey } = facts;
  const gone = goneState(traits);
  const rest =
    gone === 'live' ? '; its provider cannot revoke its key, which may still work there' : '';
  const done: RunDecision = {
    type: 'commit',
    to: 'DONE',
    reason: `Version ${run.toVersion} is in use, and version ${run.fromVersion} is revoked${rest}.`,
  };
  if (oldVersion === undefined) return done;
  if (facts.current === oldVersion.version) {
    return hold(
      situation,
      `Version ${oldVersion.version} is current again, so it is not revoked: make another version current.`,
    );
  }
  if (isFailure(outcome)) return tryOnAndOn(situation, outcome.failed);
  if (outcome?.call === 'revoke_old' || (!traits.revoke && oldKey?.state !== gone)) {
    return {
      type: 'commit',
      to: 'REVOKING',
      keys: oldKeyAs(situation, gone),
      changes: { problem: null },
    };
  }
  if (oldKey?.state !== gone) return { type: 'call', call: { name: 'revoke_old' } };
  // A version an hour would fill the history with values.
  if (traits.aheadMs !== undefined && oldVersion.state !== 'destroyed') {
    return { type: 'destroy_version', version: oldVersion.version };
  }
  const isRevoked = oldVersion.state === 'revoked' || oldVersion.state === 'destroyed';
  return isRevoked ? done : { type: 'revoke_version', version: oldVersion.version };
}

/** What a key is in the end: as gone as its provider can make it. */
export function goneState({ revoke, disable, aheadMs }: ProviderTraits): ProviderKeyState {
  if (revoke) return 'revoked';
  if (disable) return 'disabled';
  return aheadMs === undefined ? 'live' : 'expired';
}

export function oldKeyAs({ run }: RunSituation, state: ProviderKeyState): ProviderKey[] {
  return run.fromVersion === null ? [] : [{ version: run.fromVersion, state, keyId: run.oldKeyId }];
}
