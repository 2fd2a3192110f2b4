import { type Actor, AppError } from '../../core/index.js';
import type { RotationRow } from './rotation-row.js';
import type { RotationTable } from './rotation-table.js';
import { describeRun, type RunRow } from './run-row.js';
import type { RunTable } from './run-table.js';
import type { SecretRow } from './secret-row.js';
import type { Session } from './session.js';
import type { VersionPlace } from './use-guard.js';

/** What a rotation says to a command beside it. Call it inside the command's transaction. */
export interface RotationYield {
  /**
   * While the old key is off at its provider, or about to be, versions are moved by the run alone. Throws `conflict`.
   */
  toMove(secret: SecretRow, environment: string): void;
  /** The same for ending a version of the run, which the server itself may do. */
  toEndOf(place: VersionPlace, actor: Actor): void;
  /** The rotations of a secret go with it. Throws `in_use` while a run is open. */
  toDeletion(secret: SecretRow, actor: Actor): void;
  /** Throws `environment_not_empty` while a run is open. */
  toEnvironmentEnd(environment: string, actor: Actor): void;
}

const HOLDING: readonly string[] = ['DISABLING', 'SOAK', 'REVOKING'];

export function createRotationYield(
  { audit }: Session,
  rotations: RotationTable,
  runs: RunTable,
): RotationYield {
  const holdingAt = ({ id }: SecretRow, environment: string): RunRow | undefined => {
    const run = runs.openAt(id, environment);
    return run !== undefined && HOLDING.includes(run.resumes_as ?? run.state) ? run : undefined;
  };

  const inTheWay = (run: RunRow): AppError => {
    const isOver = (run.resumes_as ?? run.state) === 'REVOKING';
    const where = `"${run.secret}" in ${run.environment}`;
    return new AppError(
      'conflict',
      isOver
        ? `The ${describeRun(run)}: the old key of ${where} is being revoked at its provider, and keyferry rotation rollback cannot bring it back any more. Wait until the run has ended.`
        : `The ${describeRun(run)}: the old key of ${where} is disabled at its provider, so its version works for nobody. Use keyferry rotation rollback: it enables the key there first.`,
    );
  };

  const removeAll = (
    rows: readonly RotationRow[],
    actor: Actor,
    because: string,
    refuse: (run: RunRow) => AppError,
  ): void => {
    for (const { id } of rows) {
      const run = runs.openOf(id);
      if (run !== undefined) throw refuse(run);
    }
    for (const { id, secret, environment, provider } of rows) {
      rotations.remove(id);
      const detail = { rotation: id, provider, because };
      audit.append({ actor, action: 'rotation.disable', secret, environment, detail });
    }
  };

  return {
    toMove(secret, environment) {
      const run = holdingAt(secret, environment);
      if (run !== undefined) throw inTheWay(run);
    },

    toEndOf({ secret, environment, version }, actor) {
      if (actor.type === 'system') return;
      const run = holdingAt(secret, environment);
      if (run === undefined) return;
      if (version === run.from_version || version === run.to_version) throw inTheWay(run);
    },

    toDeletion(secret, actor) {
      removeAll(
        rotations.ofSecret(secret.id),
        actor,
        'the secret was deleted',
        (run) =>
          new AppError(
            'in_use',
            `The ${describeRun(run)}. Wait until it has ended, or take it back with keyferry rotation rollback.`,
          ),
      );
    },

    toEnvironmentEnd(environment, actor) {
      removeAll(
        rotations.ofEnvironment(environment),
        actor,
        'the environment was deleted',
        (run) =>
          new AppError(
            'environment_not_empty',
            `The ${describeRun(run)}. Wait until it has ended, or take it back with keyferry rotation rollback.`,
          ),
      );
    },
  };
}
