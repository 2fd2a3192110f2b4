import { type AuditPruning, SYSTEM_ACTOR } from '../../core/index.js';
import type { StoredAuditRow } from './audit-row.js';
import { readMeta } from './initialise.js';
import type { AuditAnchor } from './sealed-head.js';
import type { Session } from './session.js';

const DAY_MS = 86_400_000;
/** So much time may go by between two calls and counts; what a clock jumps beyond it does not. */
const MOST_UNSEEN_MS = 7 * DAY_MS;
/** Other commands have their turn after some tens of milliseconds. */
const MOST_ROWS = 1_000;

/** The days that the store has seen go by, whatever the clock said meanwhile. */
interface SeenTime {
  /** What the clock would say if it had never jumped. */
  readonly reachedMs: number;
  /** What it said when it was looked at last. */
  readonly clockMs: number;
}

export function pruneAuditCommands({ database, audit, now, write }: Session) {
  const newestTime = database
    .prepare<[], number | null>('SELECT at_ms FROM audit ORDER BY seq DESC LIMIT 1')
    .pluck();
  const save = database.prepare<[string]>(
    `INSERT INTO meta (name, value) VALUES ('seen_time', ?)
     ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
  );

  const seeTime = (): SeenTime => {
    const clockMs = now();
    const newestMs = newestTime.get() ?? clockMs;
    const before = parseSeenTime(readMeta(database, 'seen_time')) ?? {
      reachedMs: newestMs,
      clockMs: newestMs,
    };
    const passedMs = Math.min(Math.max(clockMs - before.clockMs, 0), MOST_UNSEEN_MS);
    const seen = { reachedMs: before.reachedMs + passedMs, clockMs };
    save.run(JSON.stringify(seen));
    return seen;
  };

  return {
    /**
     * A row goes when it is older than `retentionDays` and a week more: a clock that jumps forward counts for no
     * more than that week, so that no jump alone takes a row before its time.
     */
    pruneAudit({ retentionDays }: { retentionDays: number }): AuditPruning {
      return write(() => {
        const { reachedMs, clockMs } = seeTime();
        const beforeMs = Math.min(reachedMs, clockMs) - retentionDays * DAY_MS - MOST_UNSEEN_MS;
        const from = audit.anchor();
        const { rows, broken } = audit.chain.after(from, MOST_ROWS);
        const last = lastOlder(rows, beforeMs);
        const isDue = broken !== undefined && rows.length === (last?.seq ?? from.seq) - from.seq;
        const firstBroken = isDue ? broken.seq : undefined;
        if (last === undefined) return { rows: 0, more: false, firstBroken };
        const detail = {
          from: from.seq + 1,
          through: last.seq,
          before: new Date(beforeMs).toISOString(),
          retentionDays,
        };
        audit.append({ actor: SYSTEM_ACTOR, action: 'audit.prune', detail });
        audit.removeThrough({ seq: last.seq, mac: last.mac } satisfies AuditAnchor);
        const removed = last.seq - from.seq;
        return { rows: removed, more: removed === MOST_ROWS, firstBroken };
      });
    },
  };
}

/**
 * The last of the rows that are all older than `beforeMs`. A row that says an earlier
 * time than one before it was written by a clock that had gone back: it counts as old as the next that does not.
 */
function lastOlder(rows: readonly StoredAuditRow[], beforeMs: number): StoredAuditRow | undefined {
  let latestMs = Number.NEGATIVE_INFINITY;
  let last: StoredAuditRow | undefined;
  for (const row of rows) {
    if (row.at_ms >= beforeMs) break;
    if (row.at_ms < latestMs) continue;
    latestMs = row.at_ms;
    last = row;
  }
  return last;
}

function parseSeenTime(text: string | undefined): SeenTime | undefined {
  if (text === undefined) return undefined;
  try {
    const { reachedMs, clockMs } = JSON.parse(text) as Partial<SeenTime>;
    return Number.isSafeInteger(reachedMs) && Number.isSafeInteger(clockMs)
      ? ({ reachedMs, clockMs } as SeenTime)
      : undefined;
  } catch {
    return undefined;
  }
}
