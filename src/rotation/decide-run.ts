import { decideCutoverState, decideGrace, decideProbing } from './decide-going-live.js';
import { decideMinting, decidePreflight } from './decide-minting.js';
import { decideDisabling, decideRevoking, decideSoak } from './decide-retiring.js';
import { decideCleanup, decideRollingBack } from './decide-rolling-back.js';
import type { RunDecision, RunSituation } from './run-situation.js';

const WAIT: RunDecision = { type: 'wait', untilMs: null };

/**
 * What to do next about a run. Pure: the same situation gives the same decision. Every decision but `call` is written
 * before anything else happens, so that whoever takes the run on finds where it stands.
 */
export function decideRun(situation: RunSituation): RunDecision {
  const { run, outcome, nowMs } = situation;
  if (outcome === undefined && run.retryAtMs !== null && run.retryAtMs > nowMs) {
    return { type: 'wait', untilMs: run.retryAtMs };
  }
  switch (run.state) {
    case 'PLANNED':
      return { type: 'commit', to: 'PREFLIGHT' };
    case 'PREFLIGHT':
      return decidePreflight(situation);
    case 'MINTING':
      return decideMinting(situation);
    case 'MINTED':
      return { type: 'commit', to: 'PROBING' };
    case 'PROBING':
      return decideProbing(situation);
    case 'CUTOVER':
      return decideCutoverState(situation);
    case 'GRACE':
      return decideGrace(situation);
    case 'DISABLING':
      return decideDisabling(situation);
    case 'SOAK':
      return decideSoak(situation);
    case 'REVOKING':
      return decideRevoking(situation);
    case 'ROLLING_BACK':
      return decideRollingBack(situation);
    case 'CLEANUP':
      return decideCleanup(situation);
    default:
      // It has ended, or a person has the word.
      return WAIT;
  }
}
