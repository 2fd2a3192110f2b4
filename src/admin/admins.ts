import { z } from '@hono/zod-openapi';
import {
  type Admin,
  AppError,
  nearestName,
  OIDC_PREFIX,
  ROLES,
  type Store,
} from '../core/index.js';
import { actorOf } from './actor.js';
import type { AdminDependencies } from './dependencies.js';
import { findAdmin } from './find-admin.js';
import { futureTime } from './future-time.js';
import { holderName } from './holder-name.js';
import { defineOperation, type Operation } from './operation.js';
import { pageOf, pageParameters } from './query-parameters.js';
import { coversScope, outsideScope } from './scope.js';
import { Timestamp, TimestampInput, toTimestamp, toTimestampOrNull } from './wire-time.js';

const AdminSchema = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    role: z.enum(ROLES),
    environments: z.array(z.string()).nullable().openapi({ description: 'null = all' }),
    secretPrefix: z.string().nullable().openapi({ description: 'null = all' }),
    createdAt: Timestamp,
    expiresAt: Timestamp.nullable(),
    revokedAt: Timestamp.nullable(),
  })
  .openapi('Admin');
const NewAdminAnswer = z
  .strictObject({
    ...AdminSchema.shape,
    token: z.string().optional().openapi({
      description: 'This once. Left out of a replayed answer.',
      example: 'kfa_…',
    }),
  })
  .openapi('CreatedAdmin');

const NewAdmin = z
  .strictObject({
    name: holderName.refine(
      (name) => !name.toLowerCase().startsWith(OIDC_PREFIX),
      `expected another beginning than "${OIDC_PREFIX}": it names who signs in with OpenID Connect`,
    ),
    role: z.enum(ROLES),
    environments: z
      .array(z.string())
      .min(1)
      .max(1000)
      .nullable()
      .optional()
      .openapi({ description: 'Sees and changes nothing in others; all when left out' }),
    secretPrefix: z
      .string()
      .regex(
        /^[a-zA-Z][a-zA-Z0-9_-]{0,127}$/,
        'expected a letter, then up to 127 letters, digits, "_" or "-"',
      )
      .nullable()
      .optional()
      .openapi({ description: 'Sees and changes no other secrets; all when left out' }),
    expiresAt: TimestampInput.nullable().optional(),
  })
  .openapi('NewAdmin');

export function adminOperations({ store, tokens, clock }: AdminDependencies): Operation[] {
  const AdminPath = z.strictObject({ id: z.string() });
  return [
    defineOperation({
      method: 'post',
      path: '/v1/admins',
      tag: 'admins',
      summary: 'Create an admin: the answer has its token, this once',
      description: 'Never wider than the caller: in environments, prefix and lifetime.',
      role: 'admin',
      body: NewAdmin,
      example: { name: 'ci', role: 'operator', environments: ['staging'], secretPrefix: 'ci_' },
      status: 201,
      answer: NewAdminAnswer,
      answerDescription: 'The admin with its token',
      errors: ['environment_unknown', 'name_taken'],
      changes: true,
      async handle({ caller, body }) {
        const environments = body.environments ?? undefined;
        const secretPrefix = body.secretPrefix ?? undefined;
        const expiresAtMs = futureTime(body.expiresAt, clock.now());
        requireNarrower(caller.admin, {
          environments: environments ?? null,
          secretPrefix: secretPrefix ?? null,
          expiresAtMs: expiresAtMs ?? null,
        });
        await requireDeclared(store, environments ?? []);
        const minted = tokens.mint('admin');
        const admin = await store.createAdmin({
          actor: actorOf(caller),
          name: body.name,
          role: body.role,
          environments,
          secretPrefix,
          expiresAtMs,
          tokenId: minted.id,
          tokenHash: minted.hash,
        });
        return { body: { ...showAdmin(admin), token: minted.token } };
      },
    }),
    defineOperation({
      method: 'get',
      path: '/v1/admins',
      tag: 'admins',
      summary: 'List admins',
      role: 'admin',
      query: z.strictObject(pageParameters),
      status: 200,
      answer: pageOf(AdminSchema),
      answerDescription: 'One page of admins; revoked ones are among them',
      changes: false,
      async handle({ caller, query }) {
        const page = await store.listAdmins(query);
        const seen = page.items.filter((admin) => coversScope(caller.admin, admin));
        return { body: { items: seen.map(showAdmin), nextCursor: page.nextCursor } };
      },
    }),
    defineOperation({
      method: 'get',
      path: '/v1/admins/self',
      tag: 'admins',
      summary: 'Show whose token this is, and what it may do',
      role: 'viewer',
      status: 200,
      answer: AdminSchema,
      answerDescription: 'The caller',
      changes: false,
      async handle({ caller }) {
        return { body: showAdmin(caller.admin) };
      },
    }),
    defineOperation({
      method: 'delete',
      path: '/v1/admins/{id}',
      tag: 'admins',
      summary: 'Revoke an admin',
      description: 'The last one that can do everything stays, so that nobody is locked out.',
      role: 'admin',
      params: AdminPath,
      status: 204,
      answerDescription: 'It is revoked',
      errors: ['not_found', 'in_use'],
      changes: true,
      async handle({ caller, params }) {
        const found = await findAdmin(store, params.id);
        if (found === undefined) throw new AppError('not_found', 'There is no admin with this id.');
        if (!coversScope(caller.admin, found)) throw outsideScope();
        await store.revokeAdmin({ actor: actorOf(caller), id: params.id });
        return { body: undefined };
      },
    }),
  ];
}

/** Throws `forbidden` when the new admin would reach beyond its maker. */
function requireNarrower(
  maker: Admin,
  made: Pick<Admin, 'environments' | 'secretPrefix' | 'expiresAtMs'>,
): void {
  const outlives =
    maker.expiresAtMs !== null &&
    (made.expiresAtMs === null || made.expiresAtMs > maker.expiresAtMs);
  if (coversScope(maker, made) && !outlives) return;
  throw new AppError(
    'forbidden',
    'A new admin may not be wider than its maker: give "environments", "secretPrefix" and "expiresAt" within those of this token.',
  );
}

async function requireDeclared(store: Store, environments: readonly string[]): Promise<void> {
  if (environments.length === 0) return;
  const declared = (await store.listEnvironments()).map(({ name }) => name);
  const problems = environments.flatMap((environment, index) => {
    if (declared.includes(environment)) return [];
    const nearest = nearestName(environment, declared);
    const problem = { path: `environments[${index}]`, message: 'is not a declared environment' };
    return [nearest === undefined ? problem : { ...problem, nearest }];
  });
  const first = problems[0];
  if (first === undefined) return;
  const hint = 'nearest' in first ? `; did you mean "${first.nearest}"?` : '';
  throw new AppError('environment_unknown', `${first.path} ${first.message}${hint}`, { problems });
}

function showAdmin(admin: Admin): z.input<typeof AdminSchema> {
  return {
    id: admin.id,
    name: admin.name,
    role: admin.role,
    environments: admin.environments === null ? null : [...admin.environments],
    secretPrefix: admin.secretPrefix,
    createdAt: toTimestamp(admin.createdAtMs),
    expiresAt: toTimestampOrNull(admin.expiresAtMs),
    revokedAt: toTimestampOrNull(admin.revokedAtMs),
  };
}
