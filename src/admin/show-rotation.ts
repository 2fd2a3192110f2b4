import { z } from '@hono/zod-openapi';
import {
  PROVIDER_IDS,
  PROVIDER_KEY_STATES,
  type ProviderKey,
  ROTATION_STATES,
  ROTATION_STATUSES,
  type Rotation,
  type RotationRun,
  type RotationSettings,
  RUN_STATES,
  RUN_TRIGGERS,
  type RunEvent,
  rotationStatus,
  WEEKDAYS,
} from '../core/index.js';
import { CutoverWithFiguresSchema } from './show-cutover.js';
import { Timestamp, toTimestamp, toTimestampOrNull } from './wire-time.js';

const RunFields = {
  id: z.string(),
  trigger: z.enum(RUN_TRIGGERS),
  state: z.enum(RUN_STATES),
  resumesAs: z
    .enum(RUN_STATES)
    .nullable()
    .openapi({ description: 'Where it goes on when it is resumed; only in `NEEDS_ATTENTION`' }),
  principal: z.string().nullable().openapi({ description: 'Whose account it works on' }),
  fromVersion: z.int().nullable(),
  toVersion: z.int().nullable(),
  oldKeyId: z.string().nullable().openapi({ description: "The provider's id of the key before" }),
  newKeyId: z.string().nullable(),
  orphanKeyIds: z
    .array(z.string())
    .openapi({ description: 'Keys that it made and could not use: to be deleted' }),
  cutoverId: z.string().nullable(),
  attempts: z.int().openapi({ description: 'Failed attempts in this state' }),
  retryAt: Timestamp.nullable(),
  deadlineAt: Timestamp.nullable().openapi({ description: 'When the wait of this state is over' }),
  problem: z.string().nullable().openapi({ description: 'What keeps it from going on' }),
  startedAt: Timestamp,
  startedBy: z.string(),
  stateSince: Timestamp,
  endedAt: Timestamp.nullable(),
  reason: z.string().nullable().openapi({ description: 'Why it ended' }),
};
const RunSchema = z.strictObject(RunFields).openapi('RotationRun');

const events = z
  .array(
    z
      .strictObject({
        at: Timestamp,
        state: z.enum(RUN_STATES),
        actor: z.string(),
        note: z.string(),
      })
      .openapi('RotationRunEvent'),
  )
  .openapi({ description: 'Oldest first' });

/** A run with what it did. */
export const RunWithEventsSchema = z
  .strictObject({ ...RunFields, events })
  .openapi('RotationRunWithEvents');

/** A run with what it did, and what it goes by. */
const RunDetailSchema = z
  .strictObject({
    ...RunFields,
    events,
    cutover: CutoverWithFiguresSchema.nullable().openapi({ description: 'Once it has begun' }),
  })
  .openapi('RotationRunDetail');

const RotationFields = {
  id: z.string(),
  secret: z.string().openapi({ example: 'aws' }),
  environment: z.string().openapi({ example: 'production' }),
  provider: z.enum(PROVIDER_IDS),
  state: z.enum(ROTATION_STATES),
  status: z.enum(ROTATION_STATUSES).openapi({
    description:
      '`failed`: the newest run failed, was rolled back or needs attention; `overdue`: one should have begun',
  }),
  nextRunAt: Timestamp.nullable().openapi({
    description: 'null while a run is open, and where an expiry decides that is not known yet',
  }),
  intervalDays: z.int().nullable(),
  cron: z.string().nullable(),
  timezone: z.string(),
  window: z
    .strictObject({ days: z.array(z.enum(WEEKDAYS)), from: z.string(), until: z.string() })
    .nullable(),
  jitterMinutes: z.int(),
  gracePeriodMinutes: z.int(),
  soakMinutes: z.int(),
  propagationCheck: z.strictObject({ endpoint: z.string(), expectedStatus: z.int() }).nullable(),
  cutover: z
    .record(z.string(), z.unknown())
    .openapi({ description: 'What differs from the defaults' }),
  config: z.record(z.string(), z.unknown()).openapi({
    description: 'Without the names of secrets of `_providers` that the token does not reach',
  }),
  createdAt: Timestamp,
  createdBy: z.string(),
  updatedAt: Timestamp,
};

/** A rotation as lists show it. */
export const RotationSchema = z
  .strictObject({
    ...RotationFields,
    run: RunSchema.nullable().openapi({ description: 'The open one, or else the newest' }),
  })
  .openapi('Rotation');

export const ProviderKeySchema = z
  .strictObject({ state: z.enum(PROVIDER_KEY_STATES), keyId: z.string().nullable() })
  .openapi('ProviderKey', { description: "What a version's key is at its provider" });

/** A rotation by itself, and as its events show it. */
export const RotationDetailSchema = z
  .strictObject({
    ...RotationFields,
    run: RunDetailSchema.nullable().openapi({ description: 'The open one, or else the newest' }),
    keys: z
      .array(z.strictObject({ version: z.int(), ...ProviderKeySchema.shape }))
      .openapi({ description: 'At the provider, the newest version first' }),
    nextRuns: z.array(Timestamp).openapi({ description: 'The next ones, if nothing changes' }),
  })
  .openapi('RotationDetail');

/** In what a secret shows of its rotation. */
export const RotationOfSecretSchema = z
  .strictObject({
    id: z.string(),
    provider: z.enum(PROVIDER_IDS),
    state: z.enum(ROTATION_STATES),
    status: z.enum(ROTATION_STATUSES),
    nextRunAt: Timestamp.nullable(),
    run: z
      .strictObject({ id: z.string(), state: z.enum(RUN_STATES), problem: z.string().nullable() })
      .nullable()
      .openapi({ description: 'The open one, or else the newest' }),
  })
  .openapi('RotationOfSecret');

export function showRotationOfSecret(
  rotation: Rotation,
  nowMs: number,
): z.input<typeof RotationOfSecretSchema> {
  const { id, provider, state, nextRunAtMs, run } = rotation;
  return {
    id,
    provider,
    state,
    status: rotationStatus(rotation, nowMs),
    nextRunAt: toTimestampOrNull(nextRunAtMs),
    run: run === null ? null : { id: run.id, state: run.state, problem: run.problem },
  };
}

/** `config` as the reader may see it. */
export function showRotation(
  rotation: Rotation,
  config: RotationSettings['config'],
  nowMs: number,
): z.input<typeof RotationSchema> {
  return {
    ...settingsAndState(rotation, config, nowMs),
    run: rotation.run === null ? null : showRun(rotation.run),
  };
}

function settingsAndState(rotation: Rotation, config: RotationSettings['config'], nowMs: number) {
  const { window } = rotation;
  return {
    id: rotation.id,
    secret: rotation.secret,
    environment: rotation.environment,
    provider: rotation.provider,
    state: rotation.state,
    status: rotationStatus(rotation, nowMs),
    nextRunAt: toTimestampOrNull(rotation.nextRunAtMs),
    intervalDays: rotation.intervalDays,
    cron: rotation.cron,
    timezone: rotation.timezone,
    window: window === null ? null : { ...window, days: [...window.days] },
    jitterMinutes: rotation.jitterMinutes,
    gracePeriodMinutes: rotation.gracePeriodMinutes,
    soakMinutes: rotation.soakMinutes,
    propagationCheck: rotation.propagationCheck,
    cutover: { ...rotation.cutover },
    config: { ...config },
    createdAt: toTimestamp(rotation.createdAtMs),
    createdBy: rotation.createdBy,
    updatedAt: toTimestamp(rotation.updatedAtMs),
  };
}

function showRun(run: RotationRun): z.input<typeof RunSchema> {
  return {
    id: run.id,
    trigger: run.trigger,
    state: run.state,
    resumesAs: run.resumesAs,
    principal: run.principal,
    fromVersion: run.fromVersion,
    toVersion: run.toVersion,
    oldKeyId: run.oldKeyId,
    newKeyId: run.newKeyId,
    orphanKeyIds: [...run.orphanKeyIds],
    cutoverId: run.cutoverId,
    attempts: run.attempts,
    retryAt: toTimestampOrNull(run.retryAtMs),
    deadlineAt: toTimestampOrNull(run.deadlineAtMs),
    problem: run.problem,
    startedAt: toTimestamp(run.startedAtMs),
    startedBy: run.startedBy,
    stateSince: toTimestamp(run.stateSinceMs),
    endedAt: toTimestampOrNull(run.endedAtMs),
    reason: run.reason,
  };
}

export function showRunWithEvents(
  run: RotationRun,
  events: readonly RunEvent[],
): z.input<typeof RunWithEventsSchema> {
  return {
    ...showRun(run),
    events: events.map(({ atMs, ...event }) => ({ at: toTimestamp(atMs), ...event })),
  };
}

/** All that is known of a rotation, beside itself. */
export interface RotationFacts {
  readonly config: RotationSettings['config'];
  /** Of the run that it shows. */
  readonly events: readonly RunEvent[];
  readonly cutover: z.input<typeof CutoverWithFiguresSchema> | null;
  readonly keys: readonly ProviderKey[];
  readonly nextRunsAtMs: readonly number[];
}

export function showRotationDetail(
  rotation: Rotation,
  { config, events, cutover, keys, nextRunsAtMs }: RotationFacts,
  nowMs: number,
): z.input<typeof RotationDetailSchema> {
  const { run } = rotation;
  return {
    ...settingsAndState(rotation, config, nowMs),
    run: run === null ? null : { ...showRunWithEvents(run, events), cutover },
    keys: keys.map((key) => ({ ...key })),
    nextRuns: nextRunsAtMs.map(toTimestamp),
  };
}
