import { z } from '@hono/zod-openapi';
import { AUDIT_FINDINGS, type AuditRow, signCheckpoint } from '../core/index.js';
import { auditFilterFor, auditFilterParameters } from './audit-filter.js';
import type { AdminDependencies } from './dependencies.js';
import { defineOperation, type Operation } from './operation.js';
import { integerParameter, pageOf, pageParameters } from './query-parameters.js';
import { Timestamp, toTimestamp } from './wire-time.js';

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
    rows: z.int().openapi({ description: 'Rows that fit, from the oldest on' }),
    prunedThrough: z.int().optional().openapi({
      description: 'Rows up to this one were pruned when they were older than the log is kept',
    }),
    firstBroken: z.int().optional().openapi({
      description: 'Number of the first row that does not fit the one before it',
    }),
    finding: z.enum(AUDIT_FINDINGS).optional().openapi({ description: 'What is wrong with it' }),
    checkpoint: z.enum(['contained', 'pruned']).optional().openapi({
      description: 'Whether the row of the checkpoint is there, or was pruned since',
    }),
  })
  .openapi('AuditVerification');

export const Checkpoint = z
  .strictObject({
    databaseId: z.string(),
    seq: z.int().openapi({ description: 'Number of the newest row' }),
    rows: z.int(),
    at: Timestamp,
    mac: z.string().openapi({ description: 'Of the newest row; it holds all rows before it' }),
    publicKey: z.string().openapi({ description: 'Ed25519, base64url; another after a rekey' }),
    signature: z.string(),
  })
  .openapi('AuditCheckpoint');

export function auditOperations({ store, clock, signer }: AdminDependencies): Operation[] {
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
        ...auditFilterParameters,
        order: z.enum(['newest', 'oldest']).optional().openapi({ description: 'What comes first' }),
        ...pageParameters,
      }),
      status: 200,
      answer: pageOf(AuditRowSchema),
      answerDescription: 'One page of rows',
      errors: ['not_found'],
      changes: false,
      async handle({ caller: { admin }, query: { order, cursor, limit, ...query } }) {
        const filter = { ...auditFilterFor(admin, query), order, cursor, limit };
        const page = await store.listAudit(filter);
        return { body: { items: page.items.map(showRow), nextCursor: page.nextCursor } };
      },
    }),
    defineOperation({
      method: 'get',
      path: '/v1/audit/verify',
      tag: 'audit',
      summary: 'Check that no row of the audit log was changed, removed or added',
      description:
        'With `seq` and `mac` of a checkpoint that was kept elsewhere also whether the log is still the one that it was made of.',
      role: 'viewer',
      query: z
        .strictObject({
          seq: integerParameter(0, Number.MAX_SAFE_INTEGER, 'Of a checkpoint').optional(),
          mac: z
            .string()
            .regex(/^[A-Za-z0-9_-]{43}$/, 'expected the 43 characters of a checkpoint')
            .optional()
            .openapi({ description: 'Of the same checkpoint' }),
        })
        .refine(({ seq, mac }) => (seq === undefined) === (mac === undefined), {
          message: '"seq" and "mac" go together',
        }),
      status: 200,
      answer: Verification,
      answerDescription: 'Whether the chain holds',
      changes: false,
      async handle({ query: { seq, mac } }) {
        const checkpoint = seq === undefined || mac === undefined ? undefined : { seq, mac };
        return { body: await store.verifyAudit(checkpoint) };
      },
    }),
    defineOperation({
      method: 'get',
      path: '/v1/audit/checkpoint',
      tag: 'audit',
      summary: 'State what the audit log is now, signed',
      description:
        'To be kept where nobody who can write to the database reaches it. Whoever has the public key can check it; `/v1/audit/verify` says later whether the log still has the row.',
      role: 'viewer',
      status: 200,
      answer: Checkpoint,
      answerDescription: 'The checkpoint',
      changes: false,
      async handle() {
        const position = await store.auditPosition();
        return { body: signCheckpoint(position, store.databaseId, clock.now(), signer) };
      },
    }),
  ];
}

/** A row as the API shows it. */
export function showRow(row: AuditRow): z.input<typeof AuditRowSchema> {
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
