import { z } from '@hono/zod-openapi';
import {
  type Admin,
  PROVIDER_IDS,
  ROTATION_STATUSES,
  type Rotation,
  type RotationControl,
  type RotationSettings,
} from '../core/index.js';
import { actorOf } from './actor.js';
import { checkedSettings, isReplanned, planFrom, requireSound } from './check-rotation.js';
import type { AdminDependencies } from './dependencies.js';
import { requireVisibleRotation, rotationsOf } from './find-rotation.js';
import { requireSecret } from './find-secret.js';
import { etag, readIfMatch } from './if-match.js';
import { changesOf, NewRotation, RotationChanges } from './new-rotation.js';
import { defineOperation, type Operation } from './operation.js';
import { requireWholeConfig } from './provider-secrets.js';
import { pageOf, pageParameters } from './query-parameters.js';
import { findProvider, rotationDetailFor, rotationFor } from './rotation-detail.js';
import { requireEnvironment } from './scope.js';
import {
  RotationDetailSchema,
  RotationSchema,
  RunWithEventsSchema,
  showRunWithEvents,
} from './show-rotation.js';
import { fromTimestamp, Timestamp, TimestampInput, toTimestamp } from './wire-time.js';

export const RotationPath = z.strictObject({ id: z.string() });

const ProviderSchema = z
  .strictObject({
    id: z.enum(PROVIDER_IDS),
    title: z.string(),
    summary: z.string(),
    assisted: z.boolean().openapi({ description: 'A person gives the new value' }),
    byExpiry: z.boolean().openapi({ description: 'Its credentials expire by themselves' }),
    fields: z.array(z.string()).openapi({ description: "Of the secret's value; empty for a text" }),
    configSchema: z.record(z.string(), z.unknown()).openapi({
      description:
        'JSON Schema of `config`; `"x-keyferry": "provider-secret"` marks what names a secret of `_providers`',
    }),
  })
  .openapi('RotationProvider');

const CheckSchema = z
  .strictObject({
    ok: z.boolean(),
    findings: z.array(z.strictObject({ ok: z.boolean(), what: z.string(), detail: z.string() })),
    nextRuns: z.array(Timestamp),
  })
  .openapi('RotationCheck');

const EXAMPLE = {
  secret: 'aws',
  environment: 'production',
  provider: 'aws',
  intervalDays: 90,
  config: { userName: 'shop', accessKeySecret: 'aws_rotator' },
};

/** What is said about rotations; what runs do is in `rotation-runs.ts`. */
export function rotationOperations(dependencies: AdminDependencies): Operation[] {
  const { store, rotations } = dependencies;
  const common = { tag: 'rotations', answerDescription: 'The rotation' } as const;
  const detail = async (admin: Admin, rotation: Rotation) => ({
    body: await rotationDetailFor(dependencies, admin, rotation),
    headers: etag(rotation.updatedAtMs),
  });
  return [
    defineOperation({
      ...common,
      method: 'post',
      path: '/v1/rotations',
      summary: 'Enable the rotation of a secret in an environment',
      description:
        'Nothing is rotated by it. The interval counts from when the current version was made. Naming a secret of `_providers` needs a token that reaches that environment.',
      role: 'operator',
      body: NewRotation,
      example: EXAMPLE,
      status: 201,
      answer: RotationDetailSchema,
      errors: ['not_found', 'environment_unknown', 'conflict'],
      changes: true,
      async handle({ caller, body }) {
        const { secret, environment } = body;
        const settings = await checkedSettings(dependencies, caller.admin, body);
        const nextRunAtMs = await planFrom(dependencies, { secret, environment, ...settings });
        const rotation = await store.enableRotation({
          actor: actorOf(caller),
          secret,
          environment,
          ...settings,
          nextRunAtMs,
        });
        rotations.wake();
        return detail(caller.admin, rotation);
      },
    }),
    defineOperation({
      ...common,
      method: 'get',
      path: '/v1/rotations',
      summary: 'List rotations, by secret and environment',
      role: 'viewer',
      query: z.strictObject({
        secret: z.string().optional(),
        environment: z.string().optional(),
        status: z.enum(ROTATION_STATUSES).optional(),
        dueBefore: TimestampInput.optional().openapi({
          description: 'Only what is to run before (RFC 3339), the soonest first',
        }),
        ...pageParameters,
      }),
      status: 200,
      answer: pageOf(RotationSchema),
      answerDescription: 'One page of rotations',
      errors: ['not_found', 'environment_unknown'],
      changes: false,
      async handle({ caller: { admin }, query: { dueBefore, ...query } }) {
        if (query.environment !== undefined) requireEnvironment(admin, query.environment);
        if (query.secret !== undefined) await requireSecret(store, admin, query.secret);
        const page = await store.listRotations({
          ...query,
          dueBeforeMs: dueBefore === undefined ? undefined : fromTimestamp(dueBefore),
          ...rotationsOf(admin),
        });
        if (page.items.length === 0) {
          // None may mean a misspelt name.
          const { secret, environment } = query;
          if (environment !== undefined) await store.listSecrets({ environment, limit: 1 });
          if (secret !== undefined) await store.usageOf(secret);
        }
        const items = page.items.map((rotation) => rotationFor(dependencies, admin, rotation));
        return { body: { items, nextCursor: page.nextCursor } };
      },
    }),
    defineOperation({
      ...common,
      method: 'get',
      path: '/v1/rotations/providers',
      summary: 'List what can rotate secrets, and how each is configured',
      role: 'viewer',
      status: 200,
      answer: pageOf(ProviderSchema),
      answerDescription: 'All providers',
      changes: false,
      async handle() {
        const items = rotations.providers().map((provider) => ({
          ...provider,
          fields: [...provider.fields],
          configSchema: { ...provider.configSchema },
        }));
        return { body: { items, nextCursor: null } };
      },
    }),
    defineOperation({
      ...common,
      method: 'post',
      path: '/v1/rotations/check',
      summary: 'Check what would be enabled: connection, credentials and permissions',
      description: 'Changes nothing, here or at the provider.',
      role: 'operator',
      body: NewRotation,
      example: EXAMPLE,
      status: 200,
      answer: CheckSchema,
      answerDescription: 'What was found',
      errors: ['not_found', 'environment_unknown'],
      changes: false,
      async handle({ caller, body }) {
        const { secret, environment } = body;
        const settings = await checkedSettings(dependencies, caller.admin, body);
        return { body: await check(rotations, { secret, environment, ...settings }) };
      },
    }),
    defineOperation({
      ...common,
      method: 'get',
      path: '/v1/rotations/{id}',
      summary: 'Show a rotation: its run with the steps so far, keys at the provider, next runs',
      role: 'viewer',
      params: RotationPath,
      status: 200,
      answer: RotationDetailSchema,
      etag: true,
      answerDescription: 'The rotation; its `ETag` is of what may be changed of it',
      errors: ['not_found'],
      changes: false,
      async handle({ caller: { admin }, params: { id } }) {
        return detail(admin, requireVisibleRotation(admin, await store.getRotation(id)));
      },
    }),
    defineOperation({
      ...common,
      method: 'patch',
      path: '/v1/rotations/{id}',
      summary: 'Change how it is rotated',
      description:
        'All but the provider. Of `intervalDays` and `cron`, each takes the place of the other. `config` is replaced as a whole, not while a run is open, and not by a token that does not reach a secret which it names.',
      role: 'operator',
      params: RotationPath,
      body: RotationChanges,
      example: {
        intervalDays: 30,
        window: { days: ['tue', 'wed'], from: '09:00', until: '16:00' },
      },
      status: 200,
      answer: RotationDetailSchema,
      etag: true,
      errors: ['not_found', 'conflict', 'precondition_failed'],
      ifMatch: true,
      changes: true,
      async handle({ caller, params: { id }, body, context }) {
        const ifUpdatedAtMs = readIfMatch(context.req.header('if-match'));
        const found = requireVisibleRotation(caller.admin, await store.getRotation(id));
        const changes = changesOf(body);
        const merged = { ...found, ...changes };
        await requireSound(dependencies, caller.admin, merged, {
          config: changes.config !== undefined,
          cutover: changes.cutover !== undefined,
        });
        if (changes.config !== undefined) {
          const schema = findProvider(rotations, found.provider)?.configSchema ?? {};
          requireWholeConfig(caller.admin, schema, found.config);
        }
        const rotation = await store.updateRotation({
          actor: actorOf(caller),
          id,
          changes,
          ifUpdatedAtMs,
          nextRunAtMs: isReplanned(found, changes)
            ? await planFrom(dependencies, merged)
            : found.nextRunAtMs,
        });
        rotations.wake();
        return detail(caller.admin, rotation);
      },
    }),
    defineOperation({
      ...common,
      method: 'delete',
      path: '/v1/rotations/{id}',
      summary: 'Disable it',
      description: 'Versions and keys stay as they are. Refused while a run is open.',
      role: 'operator',
      params: RotationPath,
      status: 204,
      answerDescription: 'It is disabled',
      errors: ['not_found', 'conflict'],
      changes: true,
      async handle({ caller, params: { id } }) {
        requireVisibleRotation(caller.admin, await store.getRotation(id));
        await store.disableRotation({ actor: actorOf(caller), id });
        rotations.wake();
        return { body: undefined };
      },
    }),
    defineOperation({
      ...common,
      method: 'post',
      path: '/v1/rotations/{id}/check',
      summary: 'Check connection, credentials and permissions at the provider',
      description: 'Changes nothing, here or at the provider.',
      role: 'operator',
      params: RotationPath,
      status: 200,
      answer: CheckSchema,
      answerDescription: 'What was found',
      errors: ['not_found'],
      changes: false,
      async handle({ caller, params: { id } }) {
        const rotation = requireVisibleRotation(caller.admin, await store.getRotation(id));
        return { body: await check(rotations, rotation) };
      },
    }),
    defineOperation({
      ...common,
      method: 'get',
      path: '/v1/rotations/{id}/history',
      summary: 'List its runs with what they did, newest first',
      role: 'viewer',
      params: RotationPath,
      query: z.strictObject(pageParameters),
      status: 200,
      answer: pageOf(RunWithEventsSchema),
      answerDescription: 'One page of runs',
      errors: ['not_found'],
      changes: false,
      async handle({ caller: { admin }, params: { id }, query }) {
        requireVisibleRotation(admin, await store.getRotation(id));
        const page = await store.listRuns(id, query);
        const items = await Promise.all(
          page.items.map(async (run) => showRunWithEvents(run, await store.runEvents(run.id))),
        );
        return { body: { items, nextCursor: page.nextCursor } };
      },
    }),
  ];
}

async function check(
  rotations: RotationControl,
  rotation: Pick<Rotation, 'secret' | 'environment'> & RotationSettings,
): Promise<z.input<typeof CheckSchema>> {
  const { nextRunsAtMs, ok, findings } = await rotations.check(rotation);
  return {
    ok,
    findings: findings.map((finding) => ({ ...finding })),
    nextRuns: nextRunsAtMs.map(toTimestamp),
  };
}
