import {
  type Actor,
  AppError,
  type RotationRun,
  type RunDirection,
  type RunState,
} from '../../core/index.js';
import type { RotationTable } from './rotation-table.js';
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

const WORDS: Readonly<Record<RunDirection, string>> = {
  resume: 'Resumed',
  rollback: 'Taken back',
  emergency: 'Goes on as an emergency',
};

export function directRunCommands(
  { now, write }: Session,
  rotations: RotationTable,
  runs: RunTable,
  steps: RunSteps,
) {
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

  /** Whoever is at work on it goes on: what it learns is not lost, and the next look knows. */
  const hurry = (row: RunRow): { to: RunState; patch: Partial<RunRow> } => {
    const state = row.resumes_as ?? row.state;
    if (state === 'ROLLING_BACK' || state === 'CLEANUP') {
      throw new AppError(
        'conflict',
        `The ${describeRun(row)}: it is being taken back, so that the key of before stays in use. When it has ended, rotate as an emergency.`,
      );
    }
    rotations.requireActive(row.rotation_id);
    const isWaiting = row.state === 'NEEDS_ATTENTION';
    return {
      to: isWaiting ? resumedFrom(row) : row.state,
      patch: {
        begun_by: 'emergency',
        retry_at_ms:
          row.retry_at_ms === null || isWaiting ? null : Math.min(row.retry_at_ms, now()),
        deadline_at_ms: null,
        ...(isWaiting ? { epoch: row.epoch + 1, ...NO_HOLDER } : {}),
      },
    };
  };

  return {
    directRun(command: {
      actor: Actor;
      id: string;
      to: RunDirection;
      reason?: string | undefined;
    }): RotationRun {
      return write(() => {
        const { actor, id, reason } = command;
        const row = runs.requireOpen(id);
        const word = WORDS[command.to];
        const note = reason === undefined ? `${word}.` : `${word}: ${reason}`;
        if (command.to === 'emergency') {
          const { to, patch } = hurry(row);
          return steps.take(row, { actor, to, note }, patch);
        }
        const to = command.to === 'resume' ? resumedFrom(row) : backFrom(row);
        return steps.take(row, { actor, to, note }, { epoch: row.epoch + 1, ...NO_HOLDER });
      });
    },
  };
}
