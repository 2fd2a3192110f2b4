import { type PresumedUses, SYSTEM_ACTOR } from '../../core/index.js';
import { type MetaName, readMeta } from './initialise.js';
import type { Session } from './session.js';

const HEARTBEAT: MetaName = 'heartbeat';
/** Requests that began before a change took effect may have ended after it. */
const SHORTLY_MS = 120_000;

export function heartbeatCommands({ database, audit, write, now }: Session) {
  const put = database.prepare<[MetaName, string]>(
    'INSERT INTO meta VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
  );
  const remove = database.prepare<[MetaName]>('DELETE FROM meta WHERE name = ?');
  const raise = database.prepare<{ untilMs: number; recentMs: number }>(
    `UPDATE versions SET last_used_at_ms = @untilMs
     WHERE coalesce(last_used_at_ms, 0) < @untilMs
       AND revoked_at_ms IS NULL AND destroyed_at_ms IS NULL AND position IN (
         SELECT v.position
         FROM route_references AS r
         JOIN secrets AS s ON s.name = r.secret
         JOIN secret_environments AS e ON e.secret_id = s.id AND e.environment = r.environment
         JOIN versions AS v ON v.secret_id = s.id AND v.environment = r.environment
         WHERE v.version = coalesce(r.version, e.current_version)
           OR (r.version IS NULL AND v.version = e.previous_version
             AND e.current_since_ms >= @recentMs)
         UNION ALL
         SELECT v.position
         FROM cutovers AS c
         JOIN versions AS v ON v.environment = c.environment AND v.secret_id = c.secret_id
         WHERE v.version IN (c.from_version, c.to_version)
           AND (c.ended_at_ms IS NULL OR c.ended_at_ms >= @recentMs)
         UNION ALL
         SELECT v.position
         FROM cutovers AS c
         JOIN secret_environments AS e
           ON e.secret_id = c.to_secret_id AND e.environment = c.environment
         JOIN versions AS v ON v.secret_id = e.secret_id AND v.environment = e.environment
           AND v.version = e.current_version
         WHERE c.ended_at_ms IS NULL OR c.ended_at_ms >= @recentMs
       )`,
  );
  const raiseEnvironments = database.prepare<{ untilMs: number }>(
    `UPDATE secret_environments AS e SET last_used_at_ms = @untilMs
     WHERE coalesce(last_used_at_ms, 0) < @untilMs AND EXISTS (
       SELECT 1 FROM versions AS v
       WHERE v.secret_id = e.secret_id AND v.environment = e.environment
         AND v.last_used_at_ms >= @untilMs
     )`,
  );

  return {
    beat(untilMs: number): void {
      write(() => put.run(HEARTBEAT, String(untilMs)));
    },

    endHeartbeat(): void {
      write(() => remove.run(HEARTBEAT));
    },

    presumeUses(): PresumedUses | undefined {
      return write(() => {
        const beatMs = Number(readMeta(database, HEARTBEAT) ?? Number.NaN);
        remove.run(HEARTBEAT);
        if (!Number.isSafeInteger(beatMs)) return undefined;
        const untilMs = Math.min(beatMs, now());
        const versions = raise.run({ untilMs, recentMs: untilMs - SHORTLY_MS }).changes;
        if (versions === 0) return undefined;
        raiseEnvironments.run({ untilMs });
        const until = new Date(untilMs).toISOString();
        audit.append({ actor: SYSTEM_ACTOR, action: 'usage.presume', detail: { until, versions } });
        return { untilMs, versions };
      });
    },
  };
}
