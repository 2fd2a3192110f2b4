import { z } from '@hono/zod-openapi';
import { CUTOVER_STATES, type Cutover, type Store } from '../core/index.js';
import { actorOf } from './actor.js';
import { checkCutover } from './check-cutover.js';
import type { AdminDependencies } from './dependencies.js';
import { requireVisible } from './find-cutover.js';
import { environmentsFilter, requireSecret } from './find-secret.js';
import { NewCutover, settingsOf } from './new-cutover.js';
import { defineOperation, type Operation } from './operation.js';
import {
  booleanParameter,
  environmentParameter,
  pageOf,
  pageParameters,
  secretNameParameter,
} from './query-parameters.js';
import { requireEnvironment } from './scope.js';
import { CutoverDetailSchema, CutoverSchema, showCutover, showDetail } from './show-cutover.js';

export const CutoverPath = z.strictObject({ id: z.string() });
const Ending = z.strictObject({
  reason: z.string().min(1).max(500).optional().openapi({ description: 'Kept with the cutover' }),
});

export function cutoverOperations({ store, clock }: AdminDependencies): Operation[] {
  const shown = async (cutover: Cutover) => ({
    body: showDetail(cutover, await store.observationsOf(cutover.id), clock.now()),
  });
  const common = {
    tag: 'cutovers',
    answer: CutoverDetailSchema,
    answerDescription: 'The cutover',
  } as const;
  /** One of the verbs on a cutover that is under way. */
  const acting = <B extends z.ZodType>(about: {
    verb: 'complete' | 'rollback' | 'pause' | 'resume';
    summary: string;
    description?: string;
    body?: B;
    act: (
      command: { actor: ReturnType<typeof actorOf>; id: string },
      body: z.output<B>,
    ) => Promise<Cutover>;
  }): Operation =>
    defineOperation({
      ...common,
      ...(about.body === undefined ? {} : { body: about.body }),
      ...(about.description === undefined ? {} : { description: about.description }),
      method: 'post',
      path: `/v1/cutovers/{id}/${about.verb}`,
      summary: about.summary,
      role: 'operator',
      params: CutoverPath,
      status: 200,
      errors: ['not_found', 'conflict', 'version_unusable'],
      changes: true,
      async handle({ caller, params: { id }, body }) {
        requireVisible(caller.admin, await store.getCutover(id));
        return shown(await about.act({ actor: actorOf(caller), id }, body as z.output<B>));
      },
    });
  return [
    defineOperation({
      ...common,
      method: 'post',
      path: '/v1/secrets/{name}/environments/{environment}/cutovers',
      summary: 'Move to another version step by step, judged by live traffic',
      description:
        'It begins as `PENDING` and goes on by itself. One at a time for a secret and environment.',
      role: 'operator',
      params: z.strictObject({ name: secretNameParameter, environment: environmentParameter }),
      body: NewCutover,
      example: { toVersion: 2, steps: [10, 100] },
      status: 201,
      errors: ['not_found', 'environment_unknown', 'conflict', 'version_unusable'],
      changes: true,
      async handle({ caller, params: { name: secret, environment }, body }) {
        requireEnvironment(caller.admin, environment);
        await requireSecret(store, caller.admin, secret);
        const { toVersion, ...given } = body;
        const settings = settingsOf(given);
        const { routes, clients } = settings;
        const plan = { secret, environment, toVersion, routes, clients };
        await checkCutover(store, caller.admin, plan);
        const actor = actorOf(caller);
        return shown(
          await store.startCutover({
            actor,
            secret,
            environment,
            toVersion,
            toSecret: null,
            settings,
          }),
        );
      },
    }),
    defineOperation({
      method: 'get',
      path: '/v1/cutovers',
      tag: 'cutovers',
      summary: 'List cutovers, newest first',
      role: 'viewer',
      query: z.strictObject({
        secret: z.string().optional(),
        environment: z.string().optional(),
        state: z.enum(CUTOVER_STATES).optional(),
        running: booleanParameter('Whether it is under way').optional(),
        ...pageParameters,
      }),
      status: 200,
      answer: pageOf(CutoverSchema),
      answerDescription: 'One page of cutovers',
      errors: ['not_found', 'environment_unknown'],
      changes: false,
      async handle({ caller: { admin }, query }) {
        if (query.environment !== undefined) requireEnvironment(admin, query.environment);
        if (query.secret !== undefined) await requireSecret(store, admin, query.secret);
        const page = await store.listCutovers({
          ...query,
          environments: environmentsFilter(admin),
          secretPrefix: admin.secretPrefix ?? undefined,
        });
        // None may mean a misspelt name; a secret that was deleted since is found by its cutovers.
        if (page.items.length === 0) await requireNames(store, query);
        return { body: { items: page.items.map(showCutover), nextCursor: page.nextCursor } };
      },
    }),
    defineOperation({
      ...common,
      method: 'get',
      path: '/v1/cutovers/{id}',
      summary: 'Show a cutover with its figures and what it waits for',
      role: 'viewer',
      params: CutoverPath,
      status: 200,
      errors: ['not_found'],
      changes: false,
      async handle({ caller: { admin }, params: { id } }) {
        return shown(requireVisible(admin, await store.getCutover(id)));
      },
    }),
    acting({
      verb: 'complete',
      summary: 'End it with the new version current',
      description: 'Before `CURRENT` it takes all steps that are left at once.',
      body: Ending,
      act: (command, { reason = 'completed by hand' }) =>
        store.completeCutover({ ...command, reason }),
    }),
    acting({
      verb: 'rollback',
      summary: 'End it with the old version current',
      body: Ending,
      act: (command, { reason = 'rolled back by hand' }) =>
        store.rollbackCutover({ ...command, reason }),
    }),
    acting({
      verb: 'pause',
      summary: 'Keep it at its step',
      description: 'It is still rolled back when the new version is refused.',
      act: (command) => store.pauseCutover(command),
    }),
    acting({
      verb: 'resume',
      summary: 'Let it go on',
      act: (command) => store.resumeCutover(command),
    }),
  ];
}

/** Throws `not_found` and `environment_unknown` with the nearest spelling. */
async function requireNames(
  store: Store,
  { secret, environment }: { secret?: string | undefined; environment?: string | undefined },
): Promise<void> {
  if (environment !== undefined) await store.listSecrets({ environment, limit: 1 });
  if (secret !== undefined) await store.usageOf(secret);
}
