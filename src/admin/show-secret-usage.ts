import { z } from '@hono/zod-openapi';
import type { SecretSummary, UsageRow, VersionSafety } from '../core/index.js';
import { RevokeSafetySchema, showRevokeSafety } from './show-revoke-safety.js';
import { SecretEnvironmentSchema, SecretSchema, type ShownSecret } from './show-secret.js';
import { Timestamp, toTimestamp, toTimestampOrNull } from './wire-time.js';

const UsageSchema = z
  .strictObject({
    environment: z.string(),
    version: z.int(),
    route: z.string(),
    client: z.string(),
    accepted: z.int(),
    refused: z.int(),
    failed: z.int(),
    firstUsedAt: Timestamp,
    lastUsedAt: Timestamp,
  })
  .openapi('SecretUsage');

const ConsumerSchema = z
  .strictObject({
    route: z.string(),
    applied: z.boolean().openapi({ description: 'The applied route names the secret' }),
    client: z.string().nullable().openapi({ description: 'null: no client has used the route' }),
    version: z.int().nullable().openapi({ description: 'The one that was used last' }),
    lastUsedAt: Timestamp.nullable(),
  })
  .openapi('SecretConsumer');

const SafetyOfVersion = z.strictObject({ version: z.int(), ...RevokeSafetySchema.shape });

export const SecretWithUsageSchema = z
  .strictObject({
    ...SecretSchema.shape,
    unnamedSince: Timestamp.nullable().openapi({
      description: 'When the routes ceased to name it; null while they do, or never did',
    }),
    environments: z.array(
      z
        .strictObject({
          ...SecretEnvironmentSchema.shape,
          consumers: z
            .array(ConsumerSchema)
            .openapi({ description: 'Routes and clients, the newest use first' }),
          safeToRevoke: z.array(SafetyOfVersion).openapi({
            description: 'Of each version that was not revoked or destroyed, newest first',
          }),
        })
        .openapi('SecretEnvironmentWithUsage'),
    ),
    usage: z.array(UsageSchema).openapi({ description: 'Who used which version, newest first' }),
  })
  .openapi('SecretWithUsage');

/** What `showSecret` made of `secret`, with who uses it and which versions can go. */
export function showSecretWithUsage(
  shown: ShownSecret,
  usage: readonly UsageRow[],
  safety: readonly VersionSafety[],
  secret: SecretSummary,
  unnamedSinceMs: number | undefined,
): z.input<typeof SecretWithUsageSchema> {
  const newestFirst = usage.toSorted((a, b) => b.lastUsedAtMs - a.lastUsedAtMs);
  const isIn = (name: string) => (row: { environment: string }) => row.environment === name;
  const routesIn = (name: string): readonly string[] =>
    secret.environments.find(isIn(name))?.routes ?? [];
  return {
    ...shown,
    unnamedSince: toTimestampOrNull(unnamedSinceMs ?? null),
    environments: shown.environments.map((held) => ({
      ...held,
      consumers: consumersOf(
        newestFirst.filter(isIn(held.environment)),
        routesIn(held.environment),
      ),
      safeToRevoke: safety
        .filter(isIn(held.environment))
        .map(({ version, ...own }) => ({ version, ...showRevokeSafety(own) })),
    })),
    usage: newestFirst.map(({ secret: _, firstUsedAtMs, lastUsedAtMs, ...row }) => ({
      ...row,
      firstUsedAt: toTimestamp(firstUsedAtMs),
      lastUsedAt: toTimestamp(lastUsedAtMs),
    })),
  };
}

/** One for each route and client, whatever versions they used, and one for each applied route without a use. */
function consumersOf(
  newestFirst: readonly UsageRow[],
  applied: readonly string[],
): z.input<typeof ConsumerSchema>[] {
  const byName = new Map<string, UsageRow>();
  for (const row of newestFirst) {
    const name = JSON.stringify([row.route, row.client]);
    if (!byName.has(name)) byName.set(name, row);
  }
  const used = [...byName.values()].map(({ route, client, version, lastUsedAtMs }) => ({
    route,
    applied: applied.includes(route),
    client,
    version,
    lastUsedAt: toTimestampOrNull(lastUsedAtMs),
  }));
  const unused = applied.filter((route) => !used.some((consumer) => consumer.route === route));
  return [
    ...used,
    ...unused.map((route) => ({
      route,
      applied: true,
      client: null,
      version: null,
      lastUsedAt: null,
    })),
  ];
}
