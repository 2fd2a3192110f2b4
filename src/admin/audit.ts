import { z } from '@hono/zod-openapi';
import { AppError, type AuditRow } from '../core/index.js';
import type { AdminDependencies } from './dependencies.js';
import { environmentsFilter } from './find-secret.js';
import { defineOperation, type Operation } from './operation.js';
import { pageOf, pageParameters } from './query-parameters.js';
import { requireEnvironment, requireSecretName } from './scope.js';
import { fromTimestamp, Timestamp, TimestampInput, toTimestamp } from './wire-time.js';

const AuditRowSchema = z
  .strictObject({
    id: z.string(),
    seq: z.int(),
    at: Timestamp,
    actor: z.strictObject({ type: z.string(), id: z.string(), name: z.string() }),
    action: z.string().openapi({ example: 'version.activate' }),
    secret: z.string().nullable(),
    environment: z.string().nullable(),
    detail: z.record(z.string(), z.unknown()).openapi({ description: 'Names and numbers only' }),
  })
  .openapi('AuditRow');

const Verification = z
  .strictObject({
    ok: z.boolean(),
    rows: z.int(),
    firstBroken: z.int().optional().openapi({
      description: 'Number of the first row that does not fit the one before it',
    }),
  })
  .openapi('AuditVerification');

export function auditOperations({ store }: AdminDependencies): Operation[] {
  return [
    defineOperation({
      method: 'get',
      path: '/v1/audit',
      tag: 'audit',
      summary: 'List who did what, newest first',
      description:
        'The role `admin` sees the rows of everybody within its scope; other roles see their own.',
      role: 'viewer',
      query: z.strictObject({
        action: z
          .string()
          .max(100)
          .optional()
          .openapi({ description: 'An action, or the beginning of one with its dot: `version.`' }),
        secret: z.string().optional(),
        environment: z.string().optional(),
        actor: z.string().max(200).optional().openapi({ description: 'Id or name of an admin' }),
        since: TimestampInput.optional(),
        ...pageParameters,
      }),
      status: 200,
      answer: pageOf(AuditRowSchema),
      answerDescription: 'One page of rows',
      errors: ['not_found'],
      changes: false,
      async handle({ caller: { admin }, query: { since, ...query } }) {
        if (query.environment !== undefined) requireEnvironment(admin, query.environment);
        if (query.secret !== undefined) requireSecretName(admin, query.secret);
        const page = await store.listAudit({
          ...query,
          actor: admin.role === 'admin' ? query.actor : ownActor(admin, query.actor),
          sinceMs: since === undefined ? undefined : fromTimestamp(since),
          environments: environmentsFilter(admin),
          secretPrefix: admin.secretPrefix ?? undefined,
        });
        return { body: { items: page.items.map(showRow), nextCursor: page.nextCursor } };
      },
    }),
    defineOperation({
      method: 'get',
      path: '/v1/audit/verify',
      tag: 'audit',
      summary: 'Check that no row of the audit log was changed, removed or added',
      role: 'viewer',
      status: 200,
      answer: Verification,
      answerDescription: 'Whether the chain holds',
      changes: false,
      async handle() {
        return { body: await store.verifyAudit() };
      },
    }),
  ];
}

function ownActor(admin: { id: string; name: string }, asked: string | undefined): string {
  if (asked === undefined || asked === admin.id || asked === admin.name) return admin.id;
  throw new AppError(
    'forbidden',
    'The rows of other admins need the role "admin"; this token sees its own.',
  );
}

function showRow(row: AuditRow): z.input<typeof AuditRowSchema> {
  return {
    id: String(row.seq),
    seq: row.seq,
    at: toTimestamp(row.atMs),
    actor: { ...row.actor },
    action: row.action,
    secret: row.secret,
    environment: row.environment,
    detail: { ...row.detail },
  };
}
