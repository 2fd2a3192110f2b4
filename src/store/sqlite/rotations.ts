import { isDeepStrictEqual } from 'node:util';
import {
  type Actor,
  AppError,
  type Rotation,
  type RotationSettings,
  type RotationState,
} from '../../core/index.js';
import { laterThan, requireUnchanged } from './require-unchanged.js';
import { type RotationRow, settingsText } from './rotation-row.js';
import type { RotationTable } from './rotation-table.js';
import { describeRun } from './run-row.js';
import type { RunTable } from './run-table.js';
import type { Session } from './session.js';

export interface OnRotation {
  readonly actor: Actor;
  readonly id: string;
}

export function rotationCommands(session: Session, table: RotationTable, runs: RunTable) {
  const { lookup, audit, newId, now, write } = session;

  const record = (
    row: RotationRow,
    actor: Actor,
    action: string,
    detail: Record<string, unknown> = {},
  ): Rotation => {
    const { id, secret, environment, provider } = row;
    audit.append({
      actor,
      action: `rotation.${action}`,
      secret,
      environment,
      detail: { rotation: id, provider, ...detail },
    });
    return table.show(row);
  };

  return {
    enableRotation(
      command: RotationSettings & {
        actor: Actor;
        secret: string;
        environment: string;
        nextRunAtMs: number | null;
      },
    ): Rotation {
      return write(() => {
        const { actor, environment, provider } = command;
        lookup.requireEnvironment(environment, { reserved: true });
        const secret = lookup.requireSecret(command.secret);
        const other = table.find(secret.id, environment);
        if (other !== undefined) {
          throw new AppError(
            'conflict',
            `"${secret.name}" in ${environment} is rotated by ${other.provider} already. Change that rotation, or disable it first.`,
          );
        }
        const row: RotationRow = {
          id: newId(),
          secret_id: secret.id,
          secret: secret.name,
          environment,
          provider,
          settings: settingsText(command),
          state: 'active',
          next_run_at_ms: command.nextRunAtMs,
          created_at_ms: now(),
          created_by: actor.name,
          updated_at_ms: now(),
        };
        table.insert(row);
        const { intervalDays, cron } = command;
        return record(row, actor, 'enable', {
          intervalDays,
          cron,
          nextRunAtMs: row.next_run_at_ms,
        });
      });
    },

    updateRotation(
      command: OnRotation & {
        changes: Partial<Omit<RotationSettings, 'provider'>>;
        nextRunAtMs: number | null;
        ifUpdatedAtMs?: number | undefined;
      },
    ): Rotation {
      return write(() => {
        const before = table.requireIntact(command.id);
        const last = { updatedAtMs: before.updated_at_ms };
        requireUnchanged('the rotation', last, command.ifUpdatedAtMs);
        const run = runs.openOf(before.id);
        const old: Omit<RotationSettings, 'provider'> = JSON.parse(before.settings);
        const given = Object.entries(command.changes).filter(([, value]) => value !== undefined);
        const settings = settingsText({ ...old, ...Object.fromEntries(given) });
        const { config } = JSON.parse(settings);
        if (run !== undefined && !isDeepStrictEqual(config, old.config)) {
          throw new AppError(
            'conflict',
            `The config stays as it is while the ${describeRun(run)}. Wait until it has ended, or roll it back.`,
          );
        }
        const next_run_at_ms = run === undefined ? command.nextRunAtMs : null;
        const updated_at_ms = laterThan(last, now());
        const row = { ...before, settings, next_run_at_ms, updated_at_ms };
        table.save(row);
        const changed = given.map(([name]) => name);
        return record(row, command.actor, 'update', { changed, nextRunAtMs: next_run_at_ms });
      });
    },

    setRotationState({ id, actor, state }: OnRotation & { state: RotationState }): Rotation {
      return write(() => {
        const before = table.requireIntact(id);
        if (before.state === state) return table.show(before);
        const updated_at_ms = laterThan({ updatedAtMs: before.updated_at_ms }, now());
        const row = { ...before, state, updated_at_ms };
        table.save(row);
        return record(row, actor, state === 'paused' ? 'pause' : 'resume');
      });
    },

    disableRotation({ id, actor }: OnRotation): void {
      write(() => {
        // One that was altered can still be disabled.
        const row = table.require(id);
        const run = runs.openOf(id);
        if (run !== undefined) {
          throw new AppError(
            'conflict',
            `The ${describeRun(run)}. Wait until it has ended, or roll it back, then disable the rotation.`,
          );
        }
        table.remove(id);
        record(row, actor, 'disable');
      });
    },

    planRotation(command: {
      id: string;
      ifNextRunAtMs: number | null;
      nextRunAtMs: number | null;
    }): void {
      write(() => {
        const row = table.requireIntact(command.id);
        if (row.next_run_at_ms !== command.ifNextRunAtMs) return;
        if (runs.openOf(row.id) !== undefined) return;
        table.save({ ...row, next_run_at_ms: command.nextRunAtMs });
      });
    },
  };
}
