import {
  HISTORY_STEPS,
  type RequestDelta,
  type RequestOutcome,
  type UsageDelta,
  type UsageHistoryFilter,
  type UsageSeries,
} from '../../core/index.js';
import type { Session } from './session.js';

const FINE_MS = HISTORY_STEPS.fine.everyMs;
const COARSE_MS = HISTORY_STEPS.coarse.everyMs;
const ROWS_AT_ONCE = 2000;
const VERSIONS_SHOWN = 20;

type Counts = Record<RequestOutcome, number>;

interface SeriesName {
  readonly secretId: string | null;
  readonly environment: string;
  readonly version: number | null;
}

interface HistoryRow extends Counts {
  readonly startMs: number;
  readonly series: number;
}

/** Inside a transaction: adds what one flush observed to the history. */
export type HistoryAdder = (
  deltas: readonly UsageDelta[],
  requests: readonly RequestDelta[],
) => void;

const startOf = (atMs: number, stepMs: number): number => atMs - (atMs % stepMs);
/** From here on each fine step has a row of its own. */
const fineSinceMs = (nowMs: number): number => startOf(nowMs - HISTORY_STEPS.fine.forMs, COARSE_MS);

const ADD = `ON CONFLICT DO UPDATE SET accepted = accepted + excluded.accepted,
  refused = refused + excluded.refused, failed = failed + excluded.failed,
  not_sent = not_sent + excluded.not_sent`;

export function createHistoryAdder({ database, now }: Session): HistoryAdder {
  const add = database.prepare<SeriesName & Counts & { startMs: number }>(
    `INSERT INTO usage_history
     SELECT @startMs, id, @accepted, @refused, @failed, @notSent FROM usage_series
     WHERE secret_id IS @secretId AND environment = @environment AND version IS @version ${ADD}`,
  );
  // What was deleted meanwhile gets none.
  const addSeries = database.prepare<SeriesName>(
    `INSERT INTO usage_series (secret_id, environment, version)
     SELECT @secretId, @environment, @version
     WHERE iif(@secretId IS NULL,
       @environment = '' OR EXISTS (SELECT 1 FROM environments WHERE name = @environment),
       EXISTS (SELECT 1 FROM versions
         WHERE secret_id = @secretId AND environment = @environment AND version = @version))`,
  );

  return (deltas, requests) => {
    const fineMs = fineSinceMs(now());
    // Many routes and clients use one version.
    const gathered = new Map<string, SeriesName & Counts & { startMs: number }>();
    const gather = (
      name: SeriesName,
      atMs: number,
      outcome: RequestOutcome,
      count: number,
    ): void => {
      const startMs = startOf(atMs, atMs < fineMs ? COARSE_MS : FINE_MS);
      const key = `${name.secretId} ${name.environment} ${name.version} ${startMs}`;
      let found = gathered.get(key);
      if (found === undefined) {
        found = { ...name, startMs, accepted: 0, refused: 0, failed: 0, notSent: 0 };
        gathered.set(key, found);
      }
      found[outcome] += count;
    };
    for (const { secretId, environment, version, lastUsedAtMs, outcome, count } of deltas) {
      gather({ secretId, environment, version }, lastUsedAtMs, outcome, count);
    }
    for (const { environment = '', atMs, outcome, count } of requests) {
      gather({ secretId: null, environment, version: null }, atMs, outcome, count);
    }
    for (const row of gathered.values()) {
      if (add.run(row).changes === 0 && addSeries.run(row).changes > 0) add.run(row);
    }
  };
}

export function usageHistoryCommands({ database, lookup, now, read, write }: Session) {
  const nextStart = database
    .prepare<[number], number | null>('SELECT min(start_ms) FROM usage_history WHERE start_ms > ?')
    .pluck();
  const seriesOfEnvironments = database.prepare<[], SeriesName & { id: number }>(
    'SELECT id, environment, version FROM usage_series WHERE secret_id IS NULL ORDER BY environment',
  );
  const seriesOfSecret = database.prepare<[string, number], SeriesName & { id: number }>(
    `SELECT s.id, s.environment, s.version FROM usage_series AS s JOIN versions AS v
       ON v.secret_id = s.secret_id AND v.environment = s.environment AND v.version = s.version
     WHERE s.secret_id = ? AND v.last_used_at_ms >= ? ORDER BY v.last_used_at_ms DESC`,
  );
  const rowOf = database.prepare<[number, number], HistoryRow>(
    `SELECT start_ms AS startMs, series, accepted, refused, failed, not_sent AS notSent
     FROM usage_history WHERE start_ms = ? AND series = ?`,
  );
  const rowsAt = database.prepare<[number, number], HistoryRow>(
    `SELECT start_ms AS startMs, series, accepted, refused, failed, not_sent AS notSent
     FROM usage_history WHERE start_ms = ? LIMIT ?`,
  );
  const add = database.prepare<HistoryRow>(
    `INSERT INTO usage_history VALUES (@startMs, @series, @accepted, @refused, @failed, @notSent) ${ADD}`,
  );
  const remove = database.prepare<[number, number]>(
    'DELETE FROM usage_history WHERE start_ms = ? AND series = ?',
  );
  const forget = database.prepare<[number, number]>(
    `DELETE FROM usage_history WHERE (start_ms, series) IN (
       SELECT start_ms, series FROM usage_history WHERE start_ms < ? ORDER BY start_ms LIMIT ?
     )`,
  );

  /** One look-up for each of some hundreds of steps: no index by series is kept. */
  function* startsIn(sinceMs: number, untilMs: number): Generator<number> {
    let start = nextStart.get(sinceMs - 1) ?? undefined;
    while (start !== undefined && start < untilMs) {
      yield start;
      start = nextStart.get(start) ?? undefined;
    }
  }

  const pointsOf = (
    id: number,
    starts: readonly number[],
    bucketMs: number,
  ): UsageSeries['points'] => {
    const points: (Counts & { readonly atMs: number })[] = [];
    for (const startMs of starts) {
      const row = rowOf.get(startMs, id);
      if (row === undefined) continue;
      const atMs = startOf(startMs, bucketMs);
      let point = points.at(-1);
      if (point?.atMs !== atMs) {
        point = { atMs, accepted: 0, refused: 0, failed: 0, notSent: 0 };
        points.push(point);
      }
      addCounts(point, row);
    }
    return points;
  };

  return {
    usageHistory(filter: UsageHistoryFilter): UsageSeries[] {
      const { secret, environment, environments, sinceMs, untilMs, bucketMs } = filter;
      return read(() => {
        if (environment !== undefined) lookup.requireEnvironment(environment, { reserved: true });
        const series =
          secret === undefined
            ? seriesOfEnvironments.all()
            : seriesOfSecret.all(lookup.requireSecret(secret).id, sinceMs);
        const starts = [...startsIn(sinceMs, untilMs)];
        return series
          .filter(
            (one) =>
              (environment === undefined || one.environment === environment) &&
              (environments === undefined || environments.includes(one.environment)),
          )
          .slice(0, secret === undefined ? undefined : VERSIONS_SHOWN)
          .map((one) => ({
            environment: one.environment === '' ? null : one.environment,
            version: one.version,
            points: pointsOf(one.id, starts, bucketMs),
          }))
          .filter(({ points }) => points.length > 0);
      });
    },

    tidyUsageHistory(): boolean {
      const fineMs = fineSinceMs(now());
      return write(() => {
        const oldestMs = startOf(now() - HISTORY_STEPS.coarse.forMs, COARSE_MS);
        let left = ROWS_AT_ONCE - forget.run(oldestMs, ROWS_AT_ONCE).changes;
        for (const startMs of startsIn(oldestMs, fineMs)) {
          if (left <= 0) return true;
          if (startMs % COARSE_MS === 0) continue;
          const rows = rowsAt.all(startMs, left);
          for (const row of rows) {
            add.run({ ...row, startMs: startOf(startMs, COARSE_MS) });
            remove.run(startMs, row.series);
          }
          left -= rows.length;
        }
        return left <= 0;
      });
    },
  };
}

function addCounts(to: Counts, from: Counts): void {
  to.accepted += from.accepted;
  to.refused += from.refused;
  to.failed += from.failed;
  to.notSent += from.notSent;
}
