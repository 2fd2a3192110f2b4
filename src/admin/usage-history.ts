import { z } from '@hono/zod-openapi';
import { HISTORY_STEPS, type UsageSeries } from '../core/index.js';
import type { AdminDependencies } from './dependencies.js';
import { environmentsFilter, requireSecret } from './find-secret.js';
import { invalidRequest } from './invalid-request.js';
import { defineOperation, type Operation } from './operation.js';
import { requireEnvironment } from './scope.js';
import { fromTimestamp, Timestamp, TimestampInput, toTimestamp } from './wire-time.js';

const DAY_MS = 86_400_000;
const BUCKETS = {
  '5m': HISTORY_STEPS.fine.everyMs,
  '1h': HISTORY_STEPS.coarse.everyMs,
  '6h': DAY_MS / 4,
  '1d': DAY_MS,
} as const;
const BUCKET_NAMES = Object.keys(BUCKETS) as (keyof typeof BUCKETS)[];

const PointSchema = z
  .strictObject({
    at: Timestamp.openapi({ description: 'The beginning of the bucket' }),
    accepted: z.int(),
    refused: z.int().openapi({ description: 'The upstream refused the credential' }),
    failed: z.int(),
    notSent: z.int().openapi({
      description: 'Keyferry answered by itself, and nothing was sent; 0 with a secret',
    }),
  })
  .openapi('UsagePoint');

const HistorySchema = z
  .strictObject({
    since: Timestamp.openapi({ description: 'The beginning of the first bucket' }),
    until: Timestamp,
    bucketSeconds: z.int(),
    series: z.array(
      z
        .strictObject({
          environment: z.string().nullable().openapi({
            description: 'null: of requests without a valid client token',
          }),
          version: z.int().nullable().openapi({ description: 'null without a secret' }),
          points: z
            .array(PointSchema)
            .openapi({ description: 'In order of time, without empty buckets' }),
        })
        .openapi('UsageSeries'),
    ),
  })
  .openapi('UsageHistory');

export function usageHistoryOperation({ store, clock }: AdminDependencies): Operation {
  return defineOperation({
    method: 'get',
    path: '/v1/usage/history',
    tag: 'usage',
    summary: 'Count requests over time, by environment, or those with a secret by version',
    description:
      'With `secret`: the 20 versions that were used last. A request that was sent twice counts twice. Counts of five minutes are kept for two days, those of an hour for 31 days. A token that is limited to environments sees these; one that is limited to a prefix must name a secret.',
    role: 'viewer',
    query: z.strictObject({
      secret: z.string().optional(),
      environment: z.string().optional(),
      since: TimestampInput.optional().openapi({
        description: 'RFC 3339; 24 hours before `until` unless said otherwise',
      }),
      until: TimestampInput.optional().openapi({ description: 'RFC 3339; now by default' }),
      bucket: z.enum(BUCKET_NAMES).optional().openapi({
        description: 'Of UTC; the shortest that is kept unless said otherwise',
      }),
    }),
    status: 200,
    answer: HistorySchema,
    answerDescription: 'The counts',
    errors: ['not_found', 'environment_unknown'],
    changes: false,
    async handle({ caller: { admin }, query }) {
      const { secret, environment } = query;
      if (environment !== undefined) requireEnvironment(admin, environment);
      if (secret !== undefined) await requireSecret(store, admin, secret);
      const span = spanOf(query, clock.now());
      const series =
        secret === undefined && admin.secretPrefix !== null
          ? []
          : await store.usageHistory({
              secret,
              environment,
              environments: environmentsFilter(admin),
              ...span,
            });
      return {
        body: {
          since: toTimestamp(span.sinceMs),
          until: toTimestamp(span.untilMs),
          bucketSeconds: span.bucketMs / 1000,
          series: series.map(showSeries),
        },
      };
    },
  });
}

interface SpanQuery {
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  readonly bucket?: keyof typeof BUCKETS | undefined;
}

/** Whole buckets, of the time for which counts are kept. */
function spanOf(query: SpanQuery, nowMs: number) {
  const untilMs = query.until === undefined ? nowMs : fromTimestamp(query.until);
  const askedMs = query.since === undefined ? untilMs - DAY_MS : fromTimestamp(query.since);
  if (askedMs >= untilMs) {
    throw invalidRequest([{ path: 'query.since', message: 'expected a time before "until"' }]);
  }
  const oldestMs = nowMs - HISTORY_STEPS.coarse.forMs;
  if (untilMs <= oldestMs) {
    const message = `counts are kept since ${toTimestamp(oldestMs)}: expected a later time`;
    throw invalidRequest([{ path: 'query.until', message }]);
  }
  const isFine = askedMs >= nowMs - HISTORY_STEPS.fine.forMs;
  const bucket = query.bucket ?? (isFine ? '5m' : '1h');
  if (bucket === '5m' && !isFine) {
    const message = 'counts of five minutes are kept for two days: take "1h", or a later "since"';
    throw invalidRequest([{ path: 'query.bucket', message }]);
  }
  const bucketMs = BUCKETS[bucket];
  const keptMs = Math.max(askedMs, oldestMs);
  return { sinceMs: keptMs - (keptMs % bucketMs), untilMs, bucketMs };
}

function showSeries({ points, ...series }: UsageSeries) {
  return {
    ...series,
    points: points.map(({ atMs, ...counts }) => ({ at: toTimestamp(atMs), ...counts })),
  };
}
