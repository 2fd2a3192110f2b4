import { z } from '@hono/zod-openapi';
import { SETTING_SOURCES } from '../core/index.js';
import type { AdminDependencies } from './dependencies.js';
import { defineOperation, type Operation } from './operation.js';
import { requireUnscoped } from './scope.js';
import { Timestamp, toTimestamp } from './wire-time.js';

const SystemSchema = z
  .strictObject({
    startedAt: Timestamp,
    nodeVersion: z.string(),
    storage: z.strictObject({
      databaseBytes: z.int().openapi({ description: 'With its write-ahead log' }),
      freeBytes: z.int().openapi({ description: 'Free on the disk of the data folder' }),
      auditRows: z.int(),
      lastBackupAt: Timestamp.nullable().openapi({
        description: 'When one was last taken by the API; null where the audit log knows of none',
      }),
    }),
    settings: z.array(
      z.strictObject({
        name: z.string(),
        description: z.string(),
        source: z.enum(SETTING_SOURCES),
        secret: z.boolean().openapi({ description: 'Its value is never told' }),
        isGiven: z.boolean(),
        value: z.string().nullable().openapi({
          description: 'As it would be written; null for a secret, and for nothing',
        }),
      }),
    ),
  })
  .openapi('System');

export function systemOperation({ store, system }: AdminDependencies): Operation {
  return defineOperation({
    method: 'get',
    path: '/v1/system',
    tag: 'system',
    summary: 'Show process, storage and the settings in force',
    description:
      'Secrets among the settings are named, and their values are not told. It needs a token without limits: settings and sums tell of everything.',
    role: 'operator',
    status: 200,
    answer: SystemSchema,
    answerDescription: 'Of this server; where several share a database each has its own settings',
    changes: false,
    async handle({ caller }) {
      requireUnscoped(caller.admin);
      const [facts, position, backups] = await Promise.all([
        system(),
        store.auditPosition(),
        store.listAudit({ action: 'backup.create', limit: 1 }),
      ]);
      const last = backups.items[0]?.atMs;
      return {
        body: {
          startedAt: toTimestamp(facts.startedAtMs),
          nodeVersion: facts.nodeVersion,
          storage: {
            databaseBytes: facts.databaseBytes,
            freeBytes: facts.freeBytes,
            auditRows: position.rows,
            lastBackupAt: last === undefined ? null : toTimestamp(last),
          },
          settings: facts.settings.map((setting) => ({ ...setting })),
        },
      };
    },
  });
}
