import { z } from '@hono/zod-openapi';
import {
  type Admin,
  AppError,
  CRITICALITIES,
  SECRET_KINDS,
  SECRET_NAME,
  SECRET_SORTS,
  type SecretSummary,
  SORT_ORDERS,
  type Store,
} from '../core/index.js';
import { actorOf } from './actor.js';
import type { AdminDependencies } from './dependencies.js';
import { rotationsOfSecrets } from './find-rotation.js';
import { environmentsFilter, findSecret, requireSecret } from './find-secret.js';
import { forceBody, forceOf, forceQuery } from './force.js';
import { givenFields } from './given-fields.js';
import { guardAllowedHosts } from './guard-allowed-hosts.js';
import { guardCredential } from './guard-credential.js';
import { etag, readIfMatch } from './if-match.js';
import { defineOperation, type Operation } from './operation.js';
import {
  booleanParameter,
  integerParameter,
  pageOf,
  pageParameters,
  secretNameParameter,
} from './query-parameters.js';
import { coversEnvironment, requireEnvironment, requireSecretName } from './scope.js';
import { SecretSchema, showSecret } from './show-secret.js';
import { SecretWithUsageSchema, showSecretWithUsage } from './show-secret-usage.js';

/** A century: a larger number of days is a slip. */
const MAX_DAYS = 36_500;
const MAX_WORDS = 10;
/** Names (RFC 1123, underscores too), one wildcard in front, or an IPv6 address in brackets. */
const HOST =
  /^(?:\*\.)?[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*$|^\[[0-9A-Fa-f:.]+\]$/;
const LABEL_NAME = /^[a-zA-Z][a-zA-Z0-9_./-]{0,62}$/;

const days = z.int().min(1).max(MAX_DAYS).nullable();
const attributes = {
  description: z.string().max(2000).nullable().optional(),
  owner: z.string().max(200).nullable().optional(),
  labels: z
    .record(
      z.string().regex(LABEL_NAME, 'expected a letter, then letters, digits or "_./-"'),
      z.string().max(200),
    )
    .refine((labels) => Object.keys(labels).length <= 50, 'expected at most 50 labels')
    .optional()
    .openapi({ example: { team: 'payments' } }),
  allowedHosts: z
    .array(
      z
        .string()
        .max(253)
        .regex(HOST, 'expected a host such as api.example.com or *.example.com, without a port'),
    )
    .max(100)
    .optional()
    .openapi({ description: 'Hosts that it may be sent to; empty = any' }),
  kind: z.enum(SECRET_KINDS).optional(),
  criticality: z.enum(CRITICALITIES).optional(),
  rotateEveryDays: days.optional().openapi({ description: 'null = by kind and criticality' }),
  maximumAgeDays: days.optional().openapi({ description: 'null = as `rotateEveryDays`' }),
};

const NewSecret = z
  .strictObject({
    name: z
      .string()
      .regex(SECRET_NAME, 'expected a letter, then up to 127 letters, digits, "_" or "-"')
      .openapi({ example: 'stripe_api_key' }),
    ...attributes,
  })
  .openapi('NewSecret');
const SecretChanges = z.strictObject(attributes).openapi('SecretChanges');
const SecretPath = z.strictObject({ name: secretNameParameter });

export function secretOperations(dependencies: AdminDependencies): Operation[] {
  const { store, clock } = dependencies;
  const goingOn = async (admin: Admin, secrets: readonly SecretSummary[]) => ({
    cutovers: await store.runningCutovers(),
    rotations: await rotationsOfSecrets(store, admin, secrets),
  });
  return [
    defineOperation({
      method: 'get',
      path: '/v1/secrets',
      tag: 'secrets',
      summary: 'List secrets',
      description:
        'In the order of `sort`, and by name where that is the same. Never shows a value. What the token is not limited to counts for no filter and no order.',
      role: 'viewer',
      query: z.strictObject({
        search: z
          .string()
          .max(200)
          // Each costs a look at every secret.
          .refine((text) => text.trim().split(/\s+/).length <= MAX_WORDS, {
            message: `expected at most ${MAX_WORDS} words`,
          })
          .optional()
          .openapi({
            description: 'Words, at most 10, each somewhere in name, description or owner',
            example: 'stripe payments',
          }),
        environment: z.string().optional().openapi({ description: 'Has a version in it' }),
        unusedForDays: integerParameter(
          0,
          MAX_DAYS,
          'Not used for so long, or never; without credentials of `_providers`',
        ).optional(),
        olderThanDays: integerParameter(0, MAX_DAYS, 'A current version is as old').optional(),
        withoutRoutes: booleanParameter(
          'No applied route names it; without credentials of `_providers`',
        ).optional(),
        old: booleanParameter('A current version is `ageing` or `overdue`').optional(),
        overdue: booleanParameter('A current version is `overdue`').optional(),
        missingValue: booleanParameter(
          'No current version in an environment where other secrets have one',
        ).optional(),
        expiringWithinDays: integerParameter(
          0,
          MAX_DAYS,
          'A current version ends by then',
        ).optional(),
        label: z.string().max(300).optional().openapi({ description: '`name=value` or `name`' }),
        sort: z.enum(SECRET_SORTS).optional().openapi({
          description:
            '`name` by default; `age` of the oldest current version; `lastUsed`, never before all times; `nextRotation`, the soonest. What has no age or next rotation comes last',
        }),
        order: z.enum(SORT_ORDERS).optional().openapi({ description: '`asc` by default' }),
        ...pageParameters,
      }),
      status: 200,
      answer: pageOf(SecretSchema),
      answerDescription: 'One page of secrets',
      errors: ['not_found', 'environment_unknown'],
      changes: false,
      async handle({ caller: { admin }, query }) {
        if (query.environment !== undefined) requireEnvironment(admin, query.environment);
        const page = await store.listSecrets({
          ...query,
          namePrefix: admin.secretPrefix ?? undefined,
          environments: environmentsFilter(admin),
        });
        const around = await goingOn(admin, page.items);
        const items = page.items.map((secret) => showSecret(secret, around, clock.now()));
        return { body: { items, nextCursor: page.nextCursor } };
      },
    }),
    defineOperation({
      method: 'post',
      path: '/v1/secrets',
      tag: 'secrets',
      summary: 'Create a secret',
      description: 'Its values are added as versions, one environment at a time.',
      role: 'operator',
      body: NewSecret,
      example: { name: 'stripe_api_key', kind: 'stripe', allowedHosts: ['api.stripe.com'] },
      status: 201,
      answer: SecretSchema,
      answerDescription: 'The secret',
      errors: ['not_found', 'name_taken', 'in_use'],
      changes: true,
      async handle({ caller, body }) {
        requireSecretName(caller.admin, body.name);
        await requireHosts(store, body.name, body.allowedHosts);
        const made = await store.createSecret({ actor: actorOf(caller), ...givenFields(body) });
        const unused = { routes: [], routesByEnvironment: {}, clients: [], lastUsedAtMs: null };
        const fresh = { ...unused, environments: [] };
        const found = await store.getSecret(made.name);
        const none = { cutovers: [], rotations: [] };
        return { body: showSecret(found ?? { ...made, ...fresh }, none, clock.now()) };
      },
    }),
    defineOperation({
      method: 'get',
      path: '/v1/secrets/{name}',
      tag: 'secrets',
      summary: 'Show a secret and who uses it',
      role: 'viewer',
      params: SecretPath,
      status: 200,
      answer: SecretWithUsageSchema,
      etag: true,
      answerDescription: 'The secret; its `ETag` is of what may be changed of it',
      errors: ['not_found'],
      changes: false,
      async handle({ caller: { admin }, params }) {
        const secret = await findSecret(store, admin, params.name);
        const reaches = (row: { environment: string }): boolean =>
          coversEnvironment(admin, row.environment);
        const usage = (await store.usageOf(params.name)).filter(reaches);
        const safety = (await store.revokeSafetyOf(params.name)).filter(reaches);
        const shown = showSecret(secret, await goingOn(admin, [secret]), clock.now());
        const unnamedSinceMs =
          secret.routes.length > 0
            ? undefined
            : await store.unnamedSince(params.name, environmentsFilter(admin));
        return {
          body: showSecretWithUsage(shown, usage, safety, secret, unnamedSinceMs),
          headers: etag(secret.updatedAtMs),
        };
      },
    }),
    defineOperation({
      method: 'patch',
      path: '/v1/secrets/{name}',
      tag: 'secrets',
      summary: 'Change what is said about a secret',
      description: 'All but its name and its values.',
      role: 'operator',
      params: SecretPath,
      body: SecretChanges,
      example: { owner: 'payments', rotateEveryDays: 30 },
      status: 200,
      answer: SecretSchema,
      etag: true,
      answerDescription: 'The secret as it is now',
      errors: ['not_found', 'in_use', 'precondition_failed'],
      ifMatch: true,
      changes: true,
      async handle({ caller, params, body, context }) {
        const ifUpdatedAtMs = readIfMatch(context.req.header('if-match'));
        await requireWholeSecret(store, caller.admin, params.name);
        await requireHosts(store, params.name, body.allowedHosts);
        const changes = givenFields(body);
        const { name } = params;
        await store.updateSecret({ actor: actorOf(caller), name, changes, ifUpdatedAtMs });
        const secret = await findSecret(store, caller.admin, params.name);
        const around = await goingOn(caller.admin, [secret]);
        return {
          body: showSecret(secret, around, clock.now()),
          headers: etag(secret.updatedAtMs),
        };
      },
    }),
    defineOperation({
      method: 'delete',
      path: '/v1/secrets/{name}',
      tag: 'secrets',
      summary: 'Delete a secret and erase its values',
      role: 'operator',
      params: SecretPath,
      query: z.strictObject(forceQuery),
      body: z.strictObject(forceBody),
      status: 204,
      answerDescription: 'It is gone',
      errors: ['not_found', 'in_use'],
      changes: true,
      async handle({ caller, params, query, body }) {
        const force = forceOf(query, body);
        await requireWholeSecret(store, caller.admin, params.name);
        if (force === undefined) await guardCredential(dependencies, caller.admin, params.name);
        await store.deleteSecret({ actor: actorOf(caller), name: params.name, force });
        return { body: undefined };
      },
    }),
  ];
}

/**
 * What is said about a secret holds in all its environments, so changing it needs a token that reaches all
 * that it has values in. Throws `not_found` and `forbidden`.
 */
async function requireWholeSecret(store: Store, admin: Admin, name: string): Promise<void> {
  await requireSecret(store, admin, name);
  if (admin.environments === null) return;
  const whole = await store.getSecret(name);
  if (whole?.environments.every(({ environment }) => coversEnvironment(admin, environment))) return;
  throw new AppError(
    'forbidden',
    'The secret also has versions in environments that this token is not limited to, and this change would reach them.',
  );
}

/** Throws `in_use` when an applied route sends the secret to a host that would not be allowed. */
async function requireHosts(
  store: Store,
  name: string,
  allowedHosts: readonly string[] | undefined,
): Promise<void> {
  if (allowedHosts === undefined || allowedHosts.length === 0) return;
  guardAllowedHosts((await store.currentRoutes())?.document, name, allowedHosts);
}
