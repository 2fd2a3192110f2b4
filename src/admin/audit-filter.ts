import { z } from '@hono/zod-openapi';
import { type Admin, AppError, type AuditFilter } from '../core/index.js';
import { environmentsFilter } from './find-secret.js';
import { requireEnvironment, requireSecretName } from './scope.js';
import { fromTimestamp, TimestampInput } from './wire-time.js';

/** The parameters that choose rows of the audit log. */
export const auditFilterParameters = {
  action: z
    .string()
    .max(100)
    .optional()
    .openapi({ description: 'An action, or the beginning of one with its dot: `version.`' }),
  secret: z.string().optional(),
  environment: z.string().optional(),
  actor: z.string().max(200).optional().openapi({ description: 'Id or name of who did it' }),
  since: TimestampInput.optional().openapi({ description: 'Not before (RFC 3339)' }),
  until: TimestampInput.optional().openapi({ description: 'Before (RFC 3339)' }),
};

type AuditQuery = { [name in keyof typeof auditFilterParameters]?: string | undefined };

/**
 * The rows that were asked for, of those that this admin may see. Throws `not_found` for what is outside its scope,
 * `forbidden` for the rows of others.
 */
export function auditFilterFor(admin: Admin, query: AuditQuery): AuditFilter {
  const { action, secret, environment, actor, since, until } = query;
  if (environment !== undefined) requireEnvironment(admin, environment);
  if (secret !== undefined) requireSecretName(admin, secret);
  return {
    action,
    secret,
    environment,
    actor: admin.role === 'admin' ? actor : ownActor(admin, actor),
    sinceMs: since === undefined ? undefined : fromTimestamp(since),
    untilMs: until === undefined ? undefined : fromTimestamp(until),
    environments: environmentsFilter(admin),
    secretPrefix: admin.secretPrefix ?? undefined,
  };
}

function ownActor(admin: { id: string; name: string }, asked: string | undefined): string {
  if (asked === undefined || asked === admin.id || asked === admin.name) return admin.id;
  throw new AppError(
    'forbidden',
    'The rows of other admins need the role "admin"; this token sees its own.',
  );
}
