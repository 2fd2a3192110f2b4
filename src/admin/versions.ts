import { z } from '@hono/zod-openapi';
import { type Admin, AppError, type Store, VERSION_STATES, type Version } from '../core/index.js';
import { actorOf } from './actor.js';
import { CopySource, copyValue } from './copy-value.js';
import type { AdminDependencies } from './dependencies.js';
import { requireSecret } from './find-secret.js';
import { forceBody, forceOf, forceQuery } from './force.js';
import { futureTime } from './future-time.js';
import { guardHeaderValue } from './guard-header-value.js';
import { defineOperation, type Method, type Operation } from './operation.js';
import {
  environmentParameter,
  integerParameter,
  pageOf,
  secretNameParameter,
} from './query-parameters.js';
import { type ReadValue, readValue, requireOneValue, valueFields } from './read-value.js';
import { requireChanged } from './require-changed.js';
import { requireEnvironment } from './scope.js';
import { RevokeSafetySchema, showRevokeSafety } from './show-revoke-safety.js';
import { ProviderKeySchema } from './show-rotation.js';
import { Timestamp, TimestampInput, toTimestamp, toTimestampOrNull } from './wire-time.js';

const VersionSchema = z
  .strictObject({
    id: z.string().openapi({ example: 'stripe_api_key/production/3' }),
    secret: z.string(),
    environment: z.string(),
    version: z.int(),
    state: z.enum(VERSION_STATES),
    createdAt: Timestamp,
    createdBy: z.string(),
    activatedAt: Timestamp.nullable(),
    expiresAt: Timestamp.nullable(),
    note: z.string().nullable(),
    fields: z
      .array(z.string())
      .openapi({ description: 'Names of the fields, where it has several' }),
    lastUsedAt: Timestamp.nullable().openapi({ description: 'null when never' }),
  })
  .openapi('Version');

const JudgedVersionSchema = z
  .strictObject({
    ...VersionSchema.shape,
    safeToRevoke: RevokeSafetySchema.nullable().openapi({
      description: 'null for one that was revoked or destroyed',
    }),
    providerKey: ProviderKeySchema.nullable().openapi({
      description: 'null where no provider made it',
    }),
  })
  .openapi('JudgedVersion');

const NewVersion = z
  .strictObject({
    ...valueFields,
    copyFrom: CopySource.optional(),
    ifChanged: z.boolean().optional().openapi({
      description: 'Refuse with `value_unchanged` where the newest version holds this value',
    }),
    expiresAt: TimestampInput.optional(),
    note: z.string().max(500).optional().openapi({ description: 'For people; never a value' }),
  })
  .openapi('NewVersion');

const inEnvironment = { name: secretNameParameter, environment: environmentParameter };
const EnvironmentPath = z.strictObject(inEnvironment);
const VersionPath = z.strictObject({
  ...inEnvironment,
  version: integerParameter(1, 999_999_999, 'Number of the version'),
});
const BASE = '/v1/secrets/{name}/environments/{environment}';

export function versionOperations({ store, clock }: AdminDependencies): Operation[] {
  const common = {
    tag: 'versions',
    role: 'operator',
    changes: true,
    answer: VersionSchema,
  } as const;
  /** What takes a version out of use, and may need force for it. */
  const ending = ({
    end,
    ...about
  }: {
    method: 'post' | 'delete';
    path: `/v1/${string}`;
    summary: string;
    description: string;
    answerDescription: string;
    end: (target: Parameters<Store['revokeVersion']>[0]) => Promise<Version>;
  }): Operation =>
    defineOperation({
      ...common,
      ...about,
      params: VersionPath,
      query: z.strictObject(forceQuery),
      body: z.strictObject(forceBody),
      status: 200,
      errors: ['not_found', 'environment_unknown', 'in_use', 'version_unusable'],
      async handle({ caller, params: { name, environment, version }, query, body }) {
        const force = forceOf(query, body);
        await requireVersions(store, caller.admin, name, environment);
        const target = { actor: actorOf(caller), secret: name, environment, version, force };
        return { body: showVersion(await end(target)) };
      },
    });
  return [
    defineOperation({
      ...common,
      method: 'post',
      path: `${BASE}/versions`,
      summary: 'Add the next version',
      description:
        'The first version of an environment becomes `current` at once; each later one is `staged`. The value never comes out again. With `copyFrom` it is that of another version, which the token must reach too; it is as old as that one.',
      params: EnvironmentPath,
      body: NewVersion,
      bodyRequired: true,
      example: { value: '(the value)', note: 'made in the dashboard by Kim' },
      status: 201,
      answerDescription: 'The version, without its value',
      errors: [
        'not_found',
        'environment_unknown',
        'value_invalid',
        'value_unchanged',
        'version_unusable',
      ],
      async handle({ caller, params: { name, environment }, body }) {
        await requireVersions(store, caller.admin, name, environment);
        requireOneValue(body);
        const target = { secret: name, environment };
        const read: ReadValue & { copiedFrom?: Version } =
          body.copyFrom === undefined
            ? readValue(body)
            : await copyValue(store, caller.admin, body.copyFrom, target);
        if (body.ifChanged === true) await requireChanged(store, target, read.value);
        const { copiedFrom } = read;
        const expiresAtMs =
          futureTime(body.expiresAt, clock.now()) ?? copiedFrom?.expiresAtMs ?? undefined;
        const applied = await store.currentRoutes();
        guardHeaderValue(applied?.document, name, environment, read);
        const made = await store.addVersion({
          actor: actorOf(caller),
          ...target,
          value: read.value,
          fields: read.fields,
          expiresAtMs,
          note: body.note,
          copiedFrom,
        });
        return { body: showVersion(made) };
      },
    }),
    defineOperation({
      method: 'get',
      path: `${BASE}/versions`,
      tag: 'versions',
      summary: 'List versions, newest first',
      role: 'viewer',
      params: EnvironmentPath,
      status: 200,
      answer: pageOf(JudgedVersionSchema),
      answerDescription: 'All versions of the environment',
      errors: ['not_found', 'environment_unknown'],
      changes: false,
      async handle({ caller, params: { name, environment } }) {
        await requireVersions(store, caller.admin, name, environment);
        return {
          body: { items: await judgedVersions(store, name, environment), nextCursor: null },
        };
      },
    }),
    defineOperation({
      method: 'get',
      path: `${BASE}/versions/{version}`,
      tag: 'versions',
      summary: 'Show a version',
      role: 'viewer',
      params: VersionPath,
      status: 200,
      answer: JudgedVersionSchema,
      answerDescription: 'The version, without its value',
      errors: ['not_found', 'environment_unknown'],
      changes: false,
      async handle({ caller, params: { name, environment, version } }) {
        await requireVersions(store, caller.admin, name, environment);
        const versions = await judgedVersions(store, name, environment);
        const found = versions.find((candidate) => candidate.version === version);
        if (found === undefined) throw noVersion(name, environment, version);
        return { body: found };
      },
    }),
    defineOperation({
      ...common,
      method: 'post',
      path: `${BASE}/versions/{version}/activate`,
      summary: 'Make a staged or previous version current',
      params: VersionPath,
      status: 200,
      answerDescription: 'The version, now current',
      errors: ['not_found', 'environment_unknown', 'version_unusable'],
      async handle({ caller, params: { name, environment, version } }) {
        await requireVersions(store, caller.admin, name, environment);
        const target = { actor: actorOf(caller), secret: name, environment, version };
        return { body: showVersion(await store.activateVersion(target)) };
      },
    }),
    ending({
      method: 'post',
      path: `${BASE}/versions/{version}/revoke`,
      summary: 'Revoke a version',
      description:
        'Refused while it is current, part of a cutover under way, pinned by a route, or within 48 h of its last use.',
      answerDescription: 'The version, now revoked',
      end: (target) => store.revokeVersion(target),
    }),
    ending({
      method: 'delete',
      path: `${BASE}/versions/{version}`,
      summary: 'Destroy a version: erase its value, keep its row',
      description: 'Refused as revoking is.',
      answerDescription: 'The version, now destroyed',
      end: (target) => store.destroyVersion(target),
    }),
    defineOperation({
      ...common,
      method: 'post',
      path: `${BASE}/rollback`,
      summary: 'Make the previous version current again',
      params: EnvironmentPath,
      status: 200,
      answerDescription: 'The version that is current now',
      errors: ['not_found', 'environment_unknown', 'version_unusable'],
      async handle({ caller, params: { name, environment } }) {
        await requireVersions(store, caller.admin, name, environment);
        const made = await store.rollback({ actor: actorOf(caller), secret: name, environment });
        return { body: showVersion(made) };
      },
    }),
  ];
}

/** Where someone would try to change a value, by method and path. */
export const IMMUTABLE_PATHS: readonly {
  methods: readonly Method[];
  path: string;
  allow: string;
}[] = [
  { methods: ['put', 'patch'], path: `${BASE}/versions`, allow: 'GET, POST' },
  { methods: ['put', 'patch'], path: `${BASE}/versions/{version}`, allow: 'GET, DELETE' },
  { methods: ['put', 'patch'], path: `${BASE}/versions/{version}/value`, allow: '' },
  { methods: ['put', 'patch'], path: `${BASE}/value`, allow: '' },
  { methods: ['put', 'patch'], path: BASE, allow: '' },
  { methods: ['put', 'patch'], path: '/v1/secrets/{name}/value', allow: '' },
  { methods: ['put'], path: '/v1/secrets/{name}', allow: 'GET, PATCH, DELETE' },
];

/** The answer to an attempt to change a value: it says how to make the next version. */
export function valueImmutable(): AppError {
  return new AppError(
    'value_immutable',
    'A value never changes. Add the next version with POST /v1/secrets/NAME/environments/ENVIRONMENT/versions ' +
      'and {"value": …}, then make it current with POST …/versions/VERSION/activate. ' +
      'What is said about a secret (owner, labels, …) changes with PATCH /v1/secrets/NAME.',
  );
}

async function requireVersions(
  store: Store,
  admin: Admin,
  name: string,
  environment: string,
): Promise<void> {
  requireEnvironment(admin, environment);
  await requireSecret(store, admin, name);
}

function noVersion(name: string, environment: string, version: number): AppError {
  return new AppError('not_found', `"${name}" has no version ${version} in ${environment}.`);
}

async function judgedVersions(
  store: Store,
  name: string,
  environment: string,
): Promise<z.input<typeof JudgedVersionSchema>[]> {
  const versions = await store.listVersions(name, environment);
  const safety = await store.revokeSafetyOf(name, environment);
  const keys = await store.providerKeys(name, environment);
  return versions.map((version) => {
    const own = safety.find((found) => found.version === version.version);
    const key = keys.find((found) => found.version === version.version);
    return {
      ...showVersion(version),
      safeToRevoke: own === undefined ? null : showRevokeSafety(own),
      providerKey: key === undefined ? null : { state: key.state, keyId: key.keyId },
    };
  });
}

function showVersion(version: Version): z.input<typeof VersionSchema> {
  return {
    id: `${version.secret}/${version.environment}/${version.version}`,
    secret: version.secret,
    environment: version.environment,
    version: version.version,
    state: version.state,
    createdAt: toTimestamp(version.createdAtMs),
    createdBy: version.createdBy,
    activatedAt: toTimestampOrNull(version.activatedAtMs),
    expiresAt: toTimestampOrNull(version.expiresAtMs),
    note: version.note,
    fields: [...version.fields],
    lastUsedAt: toTimestampOrNull(version.lastUsedAtMs),
  };
}
