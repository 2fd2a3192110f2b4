import { z } from '@hono/zod-openapi';
import type { AdminDependencies } from './dependencies.js';
import { defineOperation, type Operation } from './operation.js';
import { coversEnvironment } from './scope.js';
import { Timestamp, toTimestampOrNull } from './wire-time.js';

const AgesSchema = z
  .strictObject({
    countedAt: Timestamp.nullable().openapi({
      description: 'null: they are being counted for the first time, or the token may not see them',
    }),
    environments: z.array(
      z.strictObject({
        environment: z.string(),
        bands: z.array(
          z
            .strictObject({
              belowDays: z.int().nullable().openapi({ description: 'null: from the last one on' }),
              fresh: z.int(),
              ageing: z.int(),
              overdue: z.int(),
            })
            .openapi('AgeBand'),
        ),
      }),
    ),
  })
  .openapi('SecretAges');

export function secretAgesOperation({ secretAges }: AdminDependencies): Operation {
  return defineOperation({
    method: 'get',
    path: '/v1/secret-ages',
    tag: 'secrets',
    summary: 'Count current versions by age and by how it is judged, in each environment',
    description:
      'With very many secrets the counts are some minutes old. A token that is limited to environments sees these, one that is limited to a prefix none.',
    role: 'viewer',
    status: 200,
    answer: AgesSchema,
    answerDescription: 'The counts',
    changes: false,
    async handle({ caller: { admin } }) {
      const ages = admin.secretPrefix === null ? await secretAges() : undefined;
      const seen = ages?.environments.filter((one) => coversEnvironment(admin, one.environment));
      return {
        body: {
          countedAt: toTimestampOrNull(ages?.countedAtMs ?? null),
          environments: (seen ?? []).map((one) => ({ ...one, bands: [...one.bands] })),
        },
      };
    },
  });
}
