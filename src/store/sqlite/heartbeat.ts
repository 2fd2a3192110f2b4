import { type PresumedUses, SYSTEM_ACTOR } from '../../core/index.js';
import type { Session } from './session.js';

const HEARTBEAT = 'heartbeat';
/** Requests that began before a change took effect may have ended after it. */
const SHORTLY_MS = 120_000;

export function heartbeatCommands({ database, audit, write, now, newId, othersWrite }: Session) {
  /** Of several servers on one database, each has its own. */
  const own = othersWrite ? `${HEARTBEAT} ${newId()}` : HEARTBEAT;
  const put = database.prepare<[string, string]>(
    'INSERT INTO meta VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
  );
  const remove = database.prepare<[string]>('DELETE FROM meta WHERE name = ?');
  const all = database.prepare<[], { name: string; value: string }>(
    `SELECT name, value FROM meta WHERE name = '${HEARTBEAT}' OR name GLOB '${HEARTBEAT} *'`,
  );
  /** Of servers that no longer run: one that does says so beyond the present, where others are let in at all. */
  const left = (): { name: string; beatMs: number }[] =>
    all
      .all()
      .map(({ name, value }) => ({ name, beatMs: Number(value) }))
      .filter(({ name, beatMs }) => !othersWrite || (name !== own && !(beatMs >= now())));
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
      write(() => put.run(own, String(untilMs)));
    },

    endHeartbeat(): void {
      write(() => remove.run(own));
    },

    presumeUses(): PresumedUses | undefined {
      return write(() => {
        const found = left();
        for (const { name } of found) remove.run(name);
        const beats = found.map(({ beatMs }) => beatMs).filter(Number.isSafeInteger);
        if (beats.length === 0) return undefined;
        const untilMs = Math.min(Math.max(...beats), now());
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
