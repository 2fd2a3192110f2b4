import {
  type Actor,
  AppError,
  type Cutover,
  type CutoverHold,
  type CutoverSettings,
  type CutoverState,
} from '../../core/index.js';
import { type CutoverRow, toCutover } from './cutover-row.js';
import { type CutoverSteps, type Decided, type DecidedEnd, inTheWay } from './cutover-steps.js';
import type { CutoverTable } from './cutover-table.js';
import type { PointerTable } from './pointers.js';
import type { SecretRow } from './secret-row.js';
import type { Session } from './session.js';
import type { VersionReader } from './version-row.js';
import type { RotationYield } from './yield-rotation.js';

export interface CutoverCommand {
  readonly actor: Actor;
  readonly id: string;
}

export interface PlacedCommand extends CutoverCommand, Decided {
  readonly actor: Actor;
  readonly ifState: CutoverState;
  readonly ifStep: number;
}

export function cutoverCommands(
  session: Session,
  parts: {
    readonly table: CutoverTable;
    readonly steps: CutoverSteps;
    readonly versions: VersionReader;
    readonly pointers: PointerTable;
    readonly rotation: RotationYield;
  },
) {
  const { table, steps, versions, pointers, rotation } = parts;
  const { lookup, ledger, newId, now, write, database } = session;
  const versionRow = database.prepare<[string, string, number], object>(
    'SELECT * FROM versions WHERE secret_id = ? AND environment = ? AND version = ?',
  );

  /** The number of the current one. Throws `version_unusable`. */
  const requireCurrent = (secret: SecretRow, environment: string): number => {
    const version = pointers.get(secret.id, environment)?.current_version ?? null;
    if (version !== null) return version;
    throw new AppError(
      'version_unusable',
      `"${secret.name}" has no current version in ${environment}.`,
    );
  };

  const requireUsable = (secret: SecretRow, environment: string, number: number): void => {
    const { version, state } = versions.require({ secret, environment, version: number });
    if (state === 'current' || state === 'revoked' || state === 'destroyed') {
      throw new AppError(
        'version_unusable',
        `Version ${version} of "${secret.name}" in ${environment} is ${state}${state === 'current' ? ' already' : ''}. Name a staged or a previous one.`,
      );
    }
    const row = versionRow.get(secret.id, environment, version);
    if (row !== undefined) ledger.requireIntact('versions', row);
  };

  const requireFree = (secret: SecretRow, environment: string): void => {
    const running = table.runningAt(secret.id, environment);
    if (running === undefined) return;
    table.requireIntact(running);
    throw inTheWay(secret.name, environment, running);
  };

  /** Throws `conflict` when it has ended, `database_corrupt` when it was altered. */
  const requireRunning = (id: string): CutoverRow => {
    const row = table.require(id);
    if (row.ended_at_ms !== null) {
      throw new AppError('conflict', `Cutover ${id} has ended (${row.state}): ${row.reason}`);
    }
    table.requireIntact(row);
    return row;
  };

  const requireNotPaused = (row: CutoverRow, { type }: Actor): void => {
    if (row.paused === 1 && type === 'system') {
      throw new AppError('conflict', `Cutover ${row.id} is paused.`);
    }
  };

  const requirePlace = ({ id, ifState, ifStep, actor }: PlacedCommand): CutoverRow => {
    const row = requireRunning(id);
    if (row.state !== ifState || row.step !== ifStep) {
      throw new AppError(
        'conflict',
        `Cutover ${id} is ${row.state} at step ${row.step}, not ${ifState} at step ${ifStep}. Look at it again.`,
      );
    }
    requireNotPaused(row, actor);
    return row;
  };

  const setPaused = ({ id, actor }: CutoverCommand, paused: 0 | 1): Cutover =>
    write(() => {
      const row = requireRunning(id);
      if (row.paused === paused) return toCutover(row);
      const changed = { ...row, paused };
      table.save(changed);
      return steps.record(changed, actor, paused === 1 ? 'pause' : 'resume');
    });

  return {
    startCutover(command: {
      actor: Actor;
      secret: string;
      environment: string;
      toVersion: number | null;
      toSecret: string | null;
      settings: CutoverSettings;
    }): Cutover {
      const { actor, environment, settings, toVersion } = command;
      return write(() => {
        lookup.requireEnvironment(environment);
        const secret = lookup.requireSecret(command.secret);
        const toSecret = command.toSecret === null ? null : lookup.requireSecret(command.toSecret);
        if ((toSecret === null) === (toVersion === null) || toSecret?.id === secret.id) {
          throw new AppError(
            'invalid_request',
            'A cutover goes to another version of the secret, or to another secret.',
          );
        }
        requireFree(secret, environment);
        if (toVersion !== null) rotation.toMove(secret, environment);
        const fromVersion = requireCurrent(secret, environment);
        if (toVersion !== null) requireUsable(secret, environment, toVersion);
        if (toSecret !== null) {
          requireFree(toSecret, environment);
          requireCurrent(toSecret, environment);
        }
        const row: CutoverRow = {
          id: newId(),
          secret_id: secret.id,
          secret: secret.name,
          environment,
          from_version: fromVersion,
          to_secret_id: toSecret?.id ?? null,
          to_secret: toSecret?.name ?? null,
          to_version: toVersion,
          settings: JSON.stringify(settings),
          state: 'PENDING',
          step: 0,
          paused: 0,
          hold: null,
          started_at_ms: now(),
          started_by: actor.name,
          step_started_at_ms: now(),
          current_since_ms: null,
          window_ends_at_ms: null,
          ended_at_ms: null,
          reason: null,
          ended_by_itself: 0,
          evidence: null,
        };
        table.insert(row);
        return steps.record(row, actor, 'start', { settings });
      });
    },

    advanceCutover: (command: PlacedCommand): Cutover =>
      write(() => steps.advance(requirePlace(command), command)),

    holdCutover(command: PlacedCommand & { hold: CutoverHold | null }): Cutover {
      return write(() => {
        const row = requirePlace(command);
        const { hold, actor, evidence } = command;
        if (row.hold === hold) return toCutover(row);
        const text = evidence === null || evidence === undefined ? null : JSON.stringify(evidence);
        const held = { ...row, hold, evidence: text ?? row.evidence };
        table.save(held);
        return steps.record(held, actor, 'hold', { hold, evidence: evidence ?? null });
      });
    },

    completeCutover(command: DecidedEnd & { id: string }): Cutover {
      return write(() => {
        const found = table.require(command.id);
        if (found.state === 'COMPLETED') return toCutover(found);
        const row = requireRunning(command.id);
        requireNotPaused(row, command.actor);
        return steps.complete(row, command);
      });
    },

    rollbackCutover(command: DecidedEnd & { id: string }): Cutover {
      return write(() => {
        const row = table.require(command.id);
        if (row.state === 'ROLLED_BACK') return toCutover(row);
        if (row.ended_at_ms !== null) requireRunning(command.id);
        return steps.rollBack(row, command);
      });
    },

    pauseCutover: (command: CutoverCommand): Cutover => setPaused(command, 1),
    resumeCutover: (command: CutoverCommand): Cutover => setPaused(command, 0),
  };
}
