import { z } from '@hono/zod-openapi';
import { ENVIRONMENT_NAME, type Environment } from '../core/index.js';
import { actorOf } from './actor.js';
import type { AdminDependencies } from './dependencies.js';
import { defineOperation, type Operation } from './operation.js';
import { environmentParameter, pageOf } from './query-parameters.js';
import { coversEnvironment, requireEnvironment, requireUnscoped } from './scope.js';
import { Timestamp, toTimestamp } from './wire-time.js';

const EnvironmentSchema = z
  .strictObject({
    id: z.string(),
    name: z.string().openapi({ example: 'production' }),
    createdAt: Timestamp,
  })
  .openapi('Environment');

const NewEnvironment = z
  .strictObject({
    name: z
      .string()
      .regex(
        ENVIRONMENT_NAME,
        'expected a lower-case letter, then up to 62 lower-case letters, digits or "-"',
      ),
  })
  .openapi('NewEnvironment');

export function environmentOperations({ store }: AdminDependencies): Operation[] {
  return [
    defineOperation({
      method: 'get',
      path: '/v1/environments',
      tag: 'environments',
      summary: 'List environments',
      role: 'viewer',
      status: 200,
      answer: pageOf(EnvironmentSchema),
      answerDescription: 'All environments that the token may see',
      changes: false,
      async handle({ caller }) {
        const all = await store.listEnvironments();
        const seen = all.filter(({ name }) => coversEnvironment(caller.admin, name));
        return { body: { items: seen.map(show), nextCursor: null } };
      },
    }),
    defineOperation({
      method: 'post',
      path: '/v1/environments',
      tag: 'environments',
      summary: 'Declare an environment',
      role: 'admin',
      body: NewEnvironment,
      example: { name: 'preview' },
      status: 201,
      answer: EnvironmentSchema,
      answerDescription: 'The environment',
      errors: ['name_taken'],
      changes: true,
      async handle({ caller, body }) {
        requireUnscoped(caller.admin);
        const made = await store.createEnvironment({ actor: actorOf(caller), name: body.name });
        return { body: show(made) };
      },
    }),
    defineOperation({
      method: 'delete',
      path: '/v1/environments/{name}',
      tag: 'environments',
      summary: 'Delete an empty environment',
      role: 'admin',
      params: z.strictObject({ name: environmentParameter }),
      status: 204,
      answerDescription: 'It is gone',
      errors: ['not_found', 'environment_unknown', 'environment_not_empty'],
      changes: true,
      async handle({ caller, params }) {
        requireEnvironment(caller.admin, params.name);
        requireUnscoped(caller.admin);
        await store.deleteEnvironment({ actor: actorOf(caller), name: params.name });
        return { body: undefined };
      },
    }),
  ];
}

function show(environment: Environment): z.input<typeof EnvironmentSchema> {
  const { name, createdAtMs } = environment;
  return { id: name, name, createdAt: toTimestamp(createdAtMs) };
}
