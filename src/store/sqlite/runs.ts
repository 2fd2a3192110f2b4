import {
  type Actor,
  AppError,
  type ProviderKey,
  type RotationRun,
  type RunChanges,
  type RunState,
  type RunTrigger,
  type SealedValue,
} from '../../core/index.js';
import type { PointerTable } from './pointers.js';
import type { RotationTable } from './rotation-table.js';
import { describeRun, NO_HOLDER, NO_MATERIAL, type RunRow, toRun } from './run-row.js';
import type { RunSteps } from './run-steps.js';
import type { RunTable } from './run-table.js';
import type { Session } from './session.js';

export interface Lease {
  readonly id: string;
  readonly epoch: number;
}

/** Where a step is taken, by whoever holds the run. */
export interface HeldStep {
  readonly actor: Actor;
  readonly lease: Lease;
  readonly ifState: RunState;
  readonly trigger?: RunTrigger | undefined;
  readonly changes?: RunChanges | undefined;
  readonly note?: string | undefined;
  readonly reason?: string | undefined;
}

export interface ReserveCommand extends HeldStep {
  readonly stepId: string;
  readonly material: SealedValue | null;
  readonly keys?: readonly ProviderKey[] | undefined;
}

export function runCommands(
  session: Session,
  rotations: RotationTable,
  runs: RunTable,
  steps: RunSteps,
  pointers: PointerTable,
) {
  const { database, lookup, newId, now, write } = session;
  const renew = database.prepare<{ id: string; epoch: number; atMs: number; untilMs: number }>(
    `UPDATE rotation_runs SET leased_at_ms = @atMs, lease_ends_at_ms = @untilMs
     WHERE id = @id AND epoch = @epoch AND holder IS NOT NULL`,
  );
  const release = database.prepare<Lease>(
    `UPDATE rotation_runs SET holder = NULL, leased_at_ms = NULL, lease_ends_at_ms = NULL
     WHERE id = @id AND epoch = @epoch AND holder IS NOT NULL`,
  );

  return {
    startRun(command: {
      actor: Actor;
      rotationId: string;
      trigger: RunTrigger;
      reason?: string | undefined;
      ifNextRunAtMs?: number | undefined;
    }): RotationRun {
      return write(() => {
        const { actor, trigger, ifNextRunAtMs } = command;
        const open = runs.openOf(command.rotationId);
        if (open !== undefined) throw new AppError('conflict', `The ${describeRun(open)} already.`);
        const rotation = rotations.requireActive(command.rotationId);
        const { secret, environment } = rotation;
        if (ifNextRunAtMs !== undefined && rotation.next_run_at_ms !== ifNextRunAtMs) {
          throw new AppError(
            'conflict',
            `The next run of the rotation of "${secret}" in ${environment} is another one meanwhile.`,
          );
        }
        const row: Omit<RunRow, 'position'> = {
          id: newId(),
          rotation_id: rotation.id,
          secret_id: rotation.secret_id,
          secret,
          environment,
          provider: rotation.provider,
          begun_by: trigger,
          state: 'PLANNED',
          resumes_as: null,
          epoch: 0,
          principal: null,
          from_version: null,
          to_version: null,
          step_id: null,
          key_ids_before: null,
          old_key_id: null,
          new_key_id: null,
          orphan_key_ids: '[]',
          cutover_id: null,
          attempts: 0,
          retry_at_ms: null,
          deadline_at_ms: null,
          problem: null,
          started_at_ms: now(),
          started_by: actor.name,
          state_since_ms: now(),
          ended_at_ms: null,
          reason: null,
          ...NO_HOLDER,
          ...NO_MATERIAL,
        };
        runs.insert(row);
        rotations.save({ ...rotation, next_run_at_ms: null });
        return steps.begin(runs.require(row.id), actor, command.reason);
      });
    },

    claimRun(command: { id: string; holder: string; leaseMs: number }): RotationRun | undefined {
      return write(() => {
        const row = runs.requireOpen(command.id);
        const rotation = rotations.requireIntact(row.rotation_id);
        const isHeld = row.holder !== null && row.holder !== command.holder && isLeased(row, now());
        if (isHeld || rotation.state === 'paused') return undefined;
        const held: RunRow = {
          ...row,
          epoch: row.epoch + 1,
          holder: command.holder,
          leased_at_ms: now(),
          lease_ends_at_ms: now() + command.leaseMs,
        };
        runs.save(held);
        return toRun(held);
      });
    },

    renewLease: ({ id, epoch, leaseMs }: Lease & { leaseMs: number }): boolean =>
      write(() => renew.run({ id, epoch, atMs: now(), untilMs: now() + leaseMs }).changes === 1),

    releaseRun({ id, epoch }: Lease): void {
      write(() => release.run({ id, epoch }));
    },

    advanceRun: (
      command: HeldStep & { to: RunState; keys?: readonly ProviderKey[] | undefined },
    ): RotationRun =>
      write(() => {
        const row = requireHeld(runs, command);
        const { trigger = row.begun_by, changes } = command;
        const isOvertaken = row.begun_by === 'emergency' && trigger !== 'emergency';
        return steps.take(row, command, isOvertaken ? withoutWaits(changes?.retryAtMs, now()) : {});
      }),

    reserveVersion(command: ReserveCommand): RotationRun {
      return write(() => {
        const row = requireHeld(runs, command);
        const secret = lookup.requireSecret(row.secret);
        const { environment } = row;
        const before = pointers.get(secret.id, environment);
        const version = row.to_version ?? (before?.last_version ?? 0) + 1;
        if (row.to_version === null) pointers.claim({ secret, environment, version });
        const { material, stepId, changes } = command;
        return steps.take(
          row,
          { ...command, to: 'MINTING', changes: { ...changes, stepId } },
          {
            from_version: before?.current_version ?? null,
            to_version: version,
            material_algorithm: material?.algorithm ?? null,
            material_key_id: material?.keyId ?? null,
            material_wrapped_key: material?.wrappedKey ?? null,
            material_ciphertext: material?.ciphertext ?? null,
          },
        );
      });
    },

    /** With the step that it belongs to; undefined for none. */
    sealedMaterial(lease: Lease): { stepId: string; sealed: SealedValue } | undefined {
      const row = requireLease(runs, lease);
      const { material_algorithm: algorithm, material_key_id: keyId, step_id: stepId } = row;
      const { material_wrapped_key: wrappedKey, material_ciphertext: ciphertext } = row;
      if (algorithm === null || keyId === null || wrappedKey === null) return undefined;
      if (ciphertext === null || stepId === null) return undefined;
      return { stepId, sealed: { algorithm, keyId, wrappedKey, ciphertext } };
    },
  };
}

/** What a step that was decided before an emergency puts off is done now. */
function withoutWaits(retryAtMs: number | null | undefined, atMs: number): Partial<RunRow> {
  const isPutOff = (retryAtMs ?? 0) > atMs;
  return { deadline_at_ms: null, ...(isPutOff ? { retry_at_ms: atMs } : {}) };
}

/** A command may be taken so much later than it was given: its time is before that of others, and no clock went back. */
export const LONGEST_WAIT_MS = 60_000;

/** A clock that went back does not make a lease longer. */
function isLeased(row: RunRow, atMs: number): boolean {
  const { leased_at_ms: sinceMs, lease_ends_at_ms: untilMs } = row;
  if (sinceMs === null || untilMs === null) return false;
  return sinceMs <= atMs + LONGEST_WAIT_MS && atMs < untilMs;
}

/** Throws `conflict` when somebody else holds the run, or nobody. */
function requireLease(runs: RunTable, { id, epoch }: Lease): RunRow {
  const row = runs.requireOpen(id);
  if (row.epoch === epoch && row.holder !== null) return row;
  throw new AppError('conflict', `The ${describeRun(row)}, and this lease of it is over.`);
}

/** Throws `conflict` also when it is in another state. */
export function requireHeld(runs: RunTable, { lease, ifState }: HeldStep): RunRow {
  const row = requireLease(runs, lease);
  if (row.state === ifState) return row;
  throw new AppError('conflict', `The ${describeRun(row)}, not ${ifState}. Look at it again.`);
}
