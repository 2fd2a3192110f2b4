import { type Actor, AppError, type Force } from '../../core/index.js';
import type { CutoverRow } from './cutover-row.js';
import { type CutoverSteps, inTheWay, underWay } from './cutover-steps.js';
import type { CutoverTable } from './cutover-table.js';
import type { PointerTable } from './pointers.js';
import type { SecretRow } from './secret-row.js';
import type { VersionPlace } from './use-guard.js';

/**
 * What a cutover under way says to a command on its versions: it ends, or the command throws. Call it inside the
 * command's transaction, before pointers move. All throw `database_corrupt` when the cutover's row was altered.
 */
export interface CutoverYield {
  /** Activating the version that it goes to completes it, the other rolls it back, a third is a `conflict`. */
  toActivation(at: VersionPlace, actor: Actor): void;
  /** True where the old version had not been replaced yet: then there is no pointer to move. */
  toRollback(secret: SecretRow, environment: string, actor: Actor): boolean;
  /** Before a version is revoked or destroyed by force. Throws `in_use` where requests would be left without one. */
  toEndOf(at: VersionPlace, actor: Actor, force: Force): void;
  /** Before a secret is deleted by force. */
  toDeletion(secret: SecretRow, actor: Actor, force: Force): void;
}

export function createCutoverYield(
  table: CutoverTable,
  steps: CutoverSteps,
  pointers: PointerTable,
): CutoverYield {
  const runningAt = ({ id }: SecretRow, environment: string): CutoverRow | undefined => {
    const row = table.runningAt(id, environment);
    if (row !== undefined) table.requireIntact(row);
    return row;
  };
  const isMovedByName = (row: CutoverRow): boolean =>
    row.to_secret !== null && row.state === 'CURRENT';

  return {
    toActivation({ secret, environment, version }, actor) {
      const row = runningAt(secret, environment);
      if (row === undefined) return;
      const isTarget = row.to_secret_id === secret.id;
      if (isTarget && pointers.get(secret.id, environment)?.current_version === version) return;
      const reason = `Version ${version} was activated.`;
      if (!isTarget && version === row.to_version) {
        steps.end(row, 'COMPLETED', { actor, reason });
      } else if (!isTarget && version === row.from_version && !isMovedByName(row)) {
        steps.end(row, 'ROLLED_BACK', { actor, reason });
      } else {
        throw inTheWay(secret.name, environment, row);
      }
    },

    toRollback(secret, environment, actor) {
      const row = runningAt(secret, environment);
      if (row === undefined) return false;
      if (row.to_secret_id === secret.id || isMovedByName(row)) {
        throw inTheWay(secret.name, environment, row);
      }
      steps.end(row, 'ROLLED_BACK', { actor, reason: 'The version was rolled back.' });
      return row.state !== 'CURRENT';
    },

    toEndOf({ secret, environment, version }, actor, force) {
      const row = runningAt(secret, environment);
      if (row === undefined) return;
      const reason = `Version ${version} of "${secret.name}" was revoked or destroyed: ${force.reason}`;
      const isTarget = row.to_secret_id === secret.id;
      const isNew = isTarget
        ? pointers.get(secret.id, environment)?.current_version === version
        : version === row.to_version;
      if (isNew && !isMovedByName(row)) {
        steps.rollBack(row, { actor, reason });
      } else if (!isTarget && version === row.from_version && row.state === 'CURRENT') {
        steps.end(row, 'COMPLETED', { actor, reason });
      } else if (isNew || (!isTarget && version === row.from_version)) {
        throw new AppError(
          'in_use',
          `Version ${version} of "${secret.name}" in ${environment} is what requests use while ${underWay(row)}. ${isNew ? 'Roll it back' : 'Complete it'} first, then revoke the version.`,
        );
      }
    },

    toDeletion(secret, actor, force) {
      for (const row of table.runningOf(secret.id)) {
        if (row.to_secret_id === secret.id && isMovedByName(row)) {
          throw new AppError(
            'in_use',
            `Routes name "${secret.name}" because ${underWay(row)}. Roll it back or complete it first.`,
          );
        }
        const state = row.state === 'CURRENT' ? 'COMPLETED' : 'ROLLED_BACK';
        const reason = `The secret "${secret.name}" was deleted: ${force.reason}`;
        steps.end(row, state, { actor, reason });
      }
    },
  };
}
