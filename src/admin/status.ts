import { z } from '@hono/zod-openapi';
import type { AdminDependencies } from './dependencies.js';
import { defineOperation, type Operation } from './operation.js';
import { Timestamp, toTimestamp } from './wire-time.js';

const StatusSchema = z
  .strictObject({
    version: z.string(),
    time: Timestamp,
    ready: z.boolean(),
    reasons: z
      .array(z.string())
      .openapi({ description: 'Why it is not ready, or which altered rows it does not use' }),
    proxyUrl: z.string().nullable().openapi({
      description: 'Where the proxy listens; null until it does',
      example: 'http://127.0.0.1:8080',
    }),
    routes: z.strictObject({
      revision: z.int().openapi({ description: '0 before the first' }),
      appliedAt: Timestamp.nullable(),
      file: z.string().nullable().openapi({ description: 'The file that manages the routes' }),
    }),
  })
  .openapi('Status');

export function statusOperations(dependencies: AdminDependencies): Operation[] {
  const { store, clock, routesFile, about } = dependencies;
  return [
    defineOperation({
      method: 'get',
      path: '/v1/status',
      tag: 'system',
      summary: 'Show how the server is',
      role: 'viewer',
      status: 200,
      answer: StatusSchema,
      answerDescription: 'The state of the server; secrets and their ages are in /v1/secrets',
      changes: false,
      async handle() {
        const [readiness, applied] = await Promise.all([
          dependencies.readiness(),
          store.currentRoutes(),
        ]);
        return {
          body: {
            version: about.version,
            time: toTimestamp(clock.now()),
            ready: readiness.ready,
            reasons: [...readiness.reasons],
            proxyUrl: dependencies.proxyUrl(),
            routes: {
              revision: applied?.revision ?? 0,
              appliedAt: applied === undefined ? null : toTimestamp(applied.createdAtMs),
              file: routesFile ?? null,
            },
          },
        };
      },
    }),
  ];
}
