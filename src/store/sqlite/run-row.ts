import type { ProviderId, RotationRun, RunState, RunTrigger } from '../../core/index.js';

export interface RunRow {
  readonly position: number;
  readonly id: string;
  readonly rotation_id: string;
  readonly secret_id: string;
  readonly secret: string;
  readonly environment: string;
  readonly provider: ProviderId;
  readonly begun_by: RunTrigger;
  readonly state: RunState;
  readonly resumes_as: RunState | null;
  readonly epoch: number;
  readonly principal: string | null;
  readonly from_version: number | null;
  readonly to_version: number | null;
  readonly step_id: string | null;
  readonly key_ids_before: string | null;
  readonly old_key_id: string | null;
  readonly new_key_id: string | null;
  readonly orphan_key_ids: string;
  readonly cutover_id: string | null;
  readonly attempts: number;
  readonly retry_at_ms: number | null;
  readonly deadline_at_ms: number | null;
  readonly problem: string | null;
  readonly started_at_ms: number;
  readonly started_by: string;
  readonly state_since_ms: number;
  readonly ended_at_ms: number | null;
  readonly reason: string | null;
  readonly holder: string | null;
  readonly leased_at_ms: number | null;
  readonly lease_ends_at_ms: number | null;
  readonly material_algorithm: string | null;
  readonly material_key_id: string | null;
  readonly material_wrapped_key: Uint8Array | null;
  readonly material_ciphertext: Uint8Array | null;
}

/** What erases the material. */
export const NO_MATERIAL = {
  material_algorithm: null,
  material_key_id: null,
  material_wrapped_key: null,
  material_ciphertext: null,
} as const satisfies Partial<RunRow>;

/** What ends a lease. */
export const NO_HOLDER = {
  holder: null,
  leased_at_ms: null,
  lease_ends_at_ms: null,
} as const satisfies Partial<RunRow>;

export function toRun(row: RunRow): RotationRun {
  return {
    id: row.id,
    rotationId: row.rotation_id,
    secret: row.secret,
    environment: row.environment,
    provider: row.provider,
    trigger: row.begun_by,
    state: row.state,
    resumesAs: row.resumes_as,
    epoch: row.epoch,
    principal: row.principal,
    fromVersion: row.from_version,
    toVersion: row.to_version,
    stepId: row.step_id,
    keyIdsBefore: row.key_ids_before === null ? null : JSON.parse(row.key_ids_before),
    oldKeyId: row.old_key_id,
    newKeyId: row.new_key_id,
    orphanKeyIds: JSON.parse(row.orphan_key_ids),
    cutoverId: row.cutover_id,
    attempts: row.attempts,
    retryAtMs: row.retry_at_ms,
    deadlineAtMs: row.deadline_at_ms,
    problem: row.problem,
    startedAtMs: row.started_at_ms,
    startedBy: row.started_by,
    stateSinceMs: row.state_since_ms,
    endedAtMs: row.ended_at_ms,
    reason: row.reason,
  };
}

/** `rotation run 0192… of "stripe_key" in production is SOAK`. */
export function describeRun(row: RunRow): string {
  return `rotation run ${row.id} of "${row.secret}" in ${row.environment} is ${row.state}`;
}
