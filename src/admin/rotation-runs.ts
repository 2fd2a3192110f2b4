import { z } from '@hono/zod-openapi';
import { AppError, isRunEnded, type Rotation, type Store } from '../core/index.js';
import { actorOf } from './actor.js';
import type { AuthenticatedAdmin } from './admin-environment.js';
import type { AdminDependencies } from './dependencies.js';
import { requireOpenRun, requireVisibleRotation } from './find-rotation.js';
import { futureTime } from './future-time.js';
import { guardHeaderValue } from './guard-header-value.js';
import { defineOperation, type Operation } from './operation.js';
import { type ReadValue, readValue, requireOneValue, valueFields } from './read-value.js';
import { rotationDetailFor } from './rotation-detail.js';
import { RotationPath } from './rotations.js';
import { RotationDetailSchema } from './show-rotation.js';
import { TimestampInput } from './wire-time.js';

const reason = z.string().min(1).max(500).optional().openapi({ description: 'Kept with the run' });
const Start = z.strictObject({
  emergency: z.boolean().optional().openapi({
    description:
      'Every request takes the new key after the first verified one, and the old key is revoked at once, whoever still uses it',
  }),
  reason,
});
const Reason = z.strictObject({ reason });
const GivenValue = z
  .strictObject({
    ...valueFields,
    keyId: z.string().min(1).max(200).optional().openapi({
      description: "The provider's own name for the key, no secret",
    }),
    expiresAt: TimestampInput.optional(),
  })
  .openapi('RotationValue');

/** What a person does with a rotation and its open run. */
export function rotationRunOperations(dependencies: AdminDependencies): Operation[] {
  const { store, clock, rotations } = dependencies;
  const acting = <B extends z.ZodType>(about: {
    verb: 'rotate' | 'pause' | 'resume' | 'rollback' | 'value';
    summary: string;
    description?: string;
    body?: B;
    bodyRequired?: boolean;
    example?: unknown;
    errors?: readonly ('version_unusable' | 'value_invalid' | 'value_unchanged')[];
    act: (rotation: Rotation, caller: AuthenticatedAdmin, body: z.output<B>) => Promise<unknown>;
  }): Operation => {
    const { verb, act, errors = [], ...rest } = about;
    return defineOperation({
      ...rest,
      method: 'post',
      path: `/v1/rotations/{id}/${verb}`,
      tag: 'rotations',
      role: 'operator',
      params: RotationPath,
      status: 200,
      answer: RotationDetailSchema,
      answerDescription: 'The rotation as it is now',
      errors: ['not_found', 'conflict', ...errors],
      changes: true,
      async handle({ caller, params: { id }, body }) {
        const found = requireVisibleRotation(caller.admin, await store.getRotation(id));
        await act(found, caller, body as z.output<B>);
        rotations.wake();
        const now = requireVisibleRotation(caller.admin, await store.getRotation(id));
        return { body: await rotationDetailFor(dependencies, caller.admin, now) };
      },
    });
  };
  return [
    acting({
      verb: 'rotate',
      summary: 'Rotate now',
      description:
        'It goes on by itself. While a run is open it is refused; as an emergency it takes that run over, from where it is: without further waits, and the key of before is revoked at once.',
      body: Start,
      example: { reason: 'Kim left the team' },
      async act(rotation, caller, { emergency = false, reason: why }) {
        const actor = actorOf(caller);
        if (emergency && rotation.run !== null && !isRunEnded(rotation.run.state)) {
          await store.directRun({ actor, id: rotation.run.id, to: 'emergency', reason: why });
          return;
        }
        refuseSecondRun(rotation);
        await store.startRun({
          actor,
          rotationId: rotation.id,
          trigger: emergency ? 'emergency' : 'manual',
          reason: why,
        });
      },
    }),
    acting({
      verb: 'pause',
      summary: 'Let nothing go on by itself',
      description: 'The open run rests where it is.',
      act: ({ id }, caller) =>
        store.setRotationState({ actor: actorOf(caller), id, state: 'paused' }),
    }),
    acting({
      verb: 'resume',
      summary: 'Let it go on: a paused rotation, or a run that needs attention',
      async act({ id, state, run }, caller) {
        const actor = actorOf(caller);
        const waits = run?.state === 'NEEDS_ATTENTION';
        if (state !== 'paused' && !waits) {
          throw new AppError(
            'conflict',
            'It is not paused, and no run of it needs attention: there is nothing to resume.',
          );
        }
        if (run !== null && waits) await store.directRun({ actor, id: run.id, to: 'resume' });
        if (state === 'paused') await store.setRotationState({ actor, id, state: 'active' });
      },
    }),
    acting({
      verb: 'rollback',
      summary: 'End the open run with the old key in use',
      description:
        'As long as the old key can be had back: the new one is then disabled and deleted. Refused once the old one is being revoked.',
      body: Reason,
      act: (rotation, caller, { reason: why }) =>
        store.directRun({
          actor: actorOf(caller),
          id: requireOpenRun(rotation).id,
          to: 'rollback',
          reason: why,
        }),
    }),
    acting({
      verb: 'value',
      summary: 'Give the new value, where the run waits for a person to make it',
      description: 'As a new version takes it; it never comes out again.',
      body: GivenValue,
      bodyRequired: true,
      example: { value: '(the value)' },
      errors: ['value_invalid', 'value_unchanged'],
      async act(rotation, caller, body) {
        const { id } = requireAwaiting(rotation);
        requireOneValue(body);
        const read = readValue(body);
        await requireUsable(store, rotation, read);
        await store.giveValue({
          actor: actorOf(caller),
          id,
          value: read.value,
          fields: read.fields,
          expiresAtMs: futureTime(body.expiresAt, clock.now()),
          keyId: body.keyId,
        });
      },
    }),
  ];
}

function refuseSecondRun({ run, secret, environment }: Rotation): void {
  if (run === null || isRunEnded(run.state)) return;
  throw new AppError(
    'conflict',
    `A run of ${secret} in ${environment} is open (${run.state}): it ends first, or is rolled back with POST /v1/rotations/{id}/rollback.`,
  );
}

function requireAwaiting(rotation: Rotation) {
  const run = requireOpenRun(rotation);
  if (run.state === 'AWAITING_VALUE') return run;
  throw new AppError(
    'conflict',
    `The run of ${rotation.secret} in ${rotation.environment} is in ${run.state}: a value is taken in AWAITING_VALUE only.`,
  );
}

/** As a new version is checked, and that it is a new value of the same form. */
async function requireUsable(
  store: Store,
  { secret, environment }: Rotation,
  read: ReadValue,
): Promise<void> {
  const applied = await store.currentRoutes();
  guardHeaderValue(applied?.document, secret, environment, read);
  const [current] = await store.resolveValues([{ secret, environment, version: undefined }]);
  if (current?.status !== 'found') return;
  if (current.value.equals(read.value)) {
    throw new AppError(
      'value_unchanged',
      `Version ${current.version} of "${secret}" in ${environment}, which is current, holds this value: the key was not changed at the provider yet, or the old one was given.`,
    );
  }
  const missing = current.fields.filter((name) => !read.fields.includes(name));
  if (missing.length === 0) return;
  const path = 'value';
  const message = `the value in use has fields, which routes name, and this one lacks ${missing.join(', ')}`;
  throw new AppError('value_invalid', `${path}: ${message}`, { problems: [{ path, message }] });
}
