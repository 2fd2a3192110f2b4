import { type Actor, AppError, type RotationRun, type RunState } from '../../core/index.js';
import { describeRun, NO_HOLDER, type RunRow } from './run-row.js';
import type { RunSteps } from './run-steps.js';
import type { RunTable } from './run-table.js';
import type { Session } from './session.js';

/** Where a run goes that a person takes back, as far as that is possible. */
const BACK: Partial<Record<RunState, RunState>> = {
  PLANNED: 'FAILED',
  PREFLIGHT: 'FAILED',
  AWAITING_VALUE: 'FAILED',
  MINTING: 'CLEANUP',
  MINTED: 'ROLLING_BACK',
  PROBING: 'ROLLING_BACK',
  CUTOVER: 'ROLLING_BACK',
  GRACE: 'ROLLING_BACK',
  DISABLING: 'ROLLING_BACK',
  SOAK: 'ROLLING_BACK',
  ROLLING_BACK: 'ROLLING_BACK',
  CLEANUP: 'CLEANUP',
};

export function directRunCommands({ write }: Session, runs: RunTable, steps: RunSteps) {
  const resumedFrom = (row: RunRow): RunState => {
    if (row.resumes_as === null) {
      throw new AppError('conflict', `The ${describeRun(row)}: there is nothing to resume.`);
    }
    return row.resumes_as === 'PLANNED' ? 'PREFLIGHT' : row.resumes_as;
  };
  const backFrom = (row: RunRow): RunState => {
    const to = BACK[row.resumes_as ?? row.state];
    if (to !== undefined) return to;
    throw new AppError(
      'conflict',
      `The ${describeRun(row)}: the old key is being revoked at its provider, and from there is no way back.`,
    );
  };

  return {
    directRun(command: {
      actor: Actor;
      id: string;
      to: 'resume' | 'rollback';
      reason?: string | undefined;
    }): RotationRun {
      return write(() => {
        const { actor, id } = command;
        const row = runs.requireOpen(id);
        const to = command.to === 'resume' ? resumedFrom(row) : backFrom(row);
        const word = command.to === 'resume' ? 'Resumed' : 'Taken back';
        const note = command.reason === undefined ? `${word}.` : `${word}: ${command.reason}`;
        return steps.take(row, { actor, to, note }, { epoch: row.epoch + 1, ...NO_HOLDER });
      });
    },
  };
}
