import type { CutoverDelta, RequestDelta, UsageDelta, UsageRow } from '../../core/index.js';
import { createObservationAdder } from './list-cutovers.js';
import type { Session } from './session.js';
import type { HistoryAdder } from './usage-history.js';

interface StoredUsageRow {
  readonly environment: string;
  readonly version: number;
  readonly route: string;
  readonly client: string;
  readonly accepted: number;
  readonly refused: number;
  readonly failed: number;
  readonly first_used_at_ms: number;
  readonly last_used_at_ms: number;
}

export function usageCommands(session: Session, addToHistory: HistoryAdder) {
  const { database, lookup, write } = session;
  const addObservation = createObservationAdder(session);
  // What was deleted meanwhile is left out: its rows are gone.
  const add = database.prepare<Record<string, unknown>>(
    `INSERT INTO usage
     SELECT @secretId, @environment, @version, @route, @clientId, @accepted, @refused, @failed,
       @firstUsedAtMs, @lastUsedAtMs
     WHERE EXISTS (SELECT 1 FROM versions
       WHERE secret_id = @secretId AND environment = @environment AND version = @version)
     ON CONFLICT DO UPDATE SET
       accepted = accepted + excluded.accepted,
       refused = refused + excluded.refused,
       failed = failed + excluded.failed,
       first_used_at_ms = min(first_used_at_ms, excluded.first_used_at_ms),
       last_used_at_ms = max(last_used_at_ms, excluded.last_used_at_ms)`,
  );
  const later = 'coalesce(last_used_at_ms, 0) < @atMs';
  const touch = [
    `UPDATE versions SET last_used_at_ms = @atMs
     WHERE secret_id = @secretId AND environment = @environment AND version = @version AND ${later}`,
    `UPDATE secret_environments SET last_used_at_ms = @atMs
     WHERE secret_id = @secretId AND environment = @environment AND ${later}`,
    `UPDATE clients SET last_used_at_ms = @atMs WHERE id = @clientId AND ${later}`,
  ].map((sql) => database.prepare<Record<string, unknown>>(sql));
  const of = database.prepare<[string, string | null], StoredUsageRow>(
    `SELECT u.environment, u.version, u.route, coalesce(c.name, u.client_id) AS client, u.accepted,
       u.refused, u.failed, u.first_used_at_ms, u.last_used_at_ms
     FROM usage AS u LEFT JOIN clients AS c ON c.id = u.client_id
     WHERE u.secret_id = ? AND u.environment = coalesce(?, u.environment)
     ORDER BY u.last_used_at_ms DESC`,
  );

  return {
    recordUsage({
      deltas,
      observations,
      requests,
    }: {
      deltas: readonly UsageDelta[];
      observations: readonly CutoverDelta[];
      requests: readonly RequestDelta[];
    }): void {
      if (deltas.length + observations.length + requests.length === 0) return;
      write(() => {
        addToHistory(deltas, requests);
        for (const observation of observations) addObservation(observation);
        for (const delta of deltas) {
          const { secretId, environment, version, route, clientId, outcome, count } = delta;
          const { firstUsedAtMs, lastUsedAtMs } = delta;
          const counts = { accepted: 0, refused: 0, failed: 0, [outcome]: count };
          const place = { secretId, environment, version, clientId };
          add.run({ ...place, route, ...counts, firstUsedAtMs, lastUsedAtMs });
          for (const statement of touch) statement.run({ ...place, atMs: lastUsedAtMs });
        }
      });
    },

    usageOf({ secret, environment }: { secret: string; environment?: string | undefined }) {
      if (environment !== undefined) lookup.requireEnvironment(environment, { reserved: true });
      return of.all(lookup.requireSecret(secret).id, environment ?? null).map(
        (row): UsageRow => ({
          secret,
          environment: row.environment,
          version: row.version,
          route: row.route,
          client: row.client,
          accepted: row.accepted,
          refused: row.refused,
          failed: row.failed,
          firstUsedAtMs: row.first_used_at_ms,
          lastUsedAtMs: row.last_used_at_ms,
        }),
      );
    },
  };
}
