import type {
  Page,
  PageRequest,
  ProviderKey,
  Rotation,
  RotationFilter,
  RotationRun,
  RotationStatus,
  RunEvent,
} from '../../core/index.js';
import { decodeCursor, pageLimit, toPage } from './page-cursor.js';
import type { RotationRow } from './rotation-row.js';
import type { RotationTable } from './rotation-table.js';
import { type RunRow, toRun } from './run-row.js';
import type { RunTable } from './run-table.js';
import { LONGEST_WAIT_MS } from './runs.js';
import type { Session } from './session.js';

interface KeyRow {
  readonly version: number;
  readonly state: ProviderKey['state'];
  readonly key_id: string | null;
}

/** Neither is in a name. */
const BETWEEN_NAMES = '\n';

const BY_NAME = {
  columns: 't.secret, t.environment',
  of: ({ secret, environment }: RotationRow) => [secret, environment],
};
const BY_TIME = {
  columns: 't.next_run_at_ms, t.id',
  of: ({ next_run_at_ms, id }: RotationRow) => [next_run_at_ms ?? 0, id],
};

const OPEN = 'r.id IS NOT NULL AND r.ended_at_ms IS NULL';
const FAILED = "coalesce(r.state IN ('FAILED', 'ROLLED_BACK', 'NEEDS_ATTENTION'), FALSE)";
const PAUSED = "t.state = 'paused'";
const OVERDUE = `NOT (${PAUSED}) AND NOT (${OPEN}) AND coalesce(t.next_run_at_ms <= ?, FALSE)`;

const STATUS: Readonly<Record<RotationStatus, string>> = {
  paused: PAUSED,
  // The few that are open are found by their index, without a look at every rotation.
  running: 't.id IN (SELECT rotation_id FROM rotation_runs WHERE ended_at_ms IS NULL)',
  failed: FAILED,
  overdue: OVERDUE,
  ok: `NOT (${PAUSED}) AND NOT (${OPEN}) AND NOT (${FAILED}) AND NOT (${OVERDUE})`,
};

export function listRotationsCommands(
  { database, ledger, lookup, now, read }: Session,
  rotations: RotationTable,
  runs: RunTable,
) {
  const inOrderOfTime = database.prepare<[number], RotationRow>(
    `SELECT * FROM rotations
     WHERE state = 'active' AND next_run_at_ms <= ? ORDER BY next_run_at_ms, id`,
  );
  const runsOf = database.prepare<[string, number, number], RunRow>(
    `SELECT * FROM rotation_runs WHERE rotation_id = ? AND position < ? ORDER BY position DESC LIMIT ?`,
  );
  const events = database.prepare<[string], RunEvent>(
    'SELECT at_ms AS atMs, state, actor, note FROM run_events WHERE run_id = ? ORDER BY position',
  );
  const claimable = database.prepare<{ atMs: number; backMs: number }, RunRow>(
    `SELECT r.* FROM rotation_runs AS r JOIN rotations AS t ON t.id = r.rotation_id
     WHERE r.ended_at_ms IS NULL AND r.state NOT IN ('AWAITING_VALUE', 'NEEDS_ATTENTION')
       AND t.state = 'active'
       AND (r.holder IS NULL OR r.lease_ends_at_ms <= @atMs OR r.leased_at_ms > @backMs)
     ORDER BY r.position`,
  );
  const keys = database.prepare<[string, string], KeyRow>(
    'SELECT * FROM provider_keys WHERE secret_id = ? AND environment = ? ORDER BY version DESC',
  );

  /** The first ones that were not altered. */
  const intact = <Row>(rows: Iterable<Row>, holds: (row: Row) => boolean, limit: number): Row[] => {
    const found: Row[] = [];
    if (limit <= 0) return found;
    for (const row of rows) {
      if (holds(row) && found.push(row) >= limit) break;
    }
    return found;
  };
  const holdsRotation = (id: string): boolean => {
    const row = rotations.get(id);
    return row !== undefined && rotations.holds(row);
  };
  /** Lists show an altered one; nobody works by it. */
  const shown = (row: RotationRow | undefined): Rotation | undefined => {
    if (row === undefined) return undefined;
    ledger.requireIntact('rotations', row);
    return rotations.show(row);
  };
  const dueBy = (atMs: number, limit: number): RotationRow[] =>
    read(() =>
      intact(
        inOrderOfTime.iterate(atMs),
        (row) => rotations.holds(row) && runs.openOf(row.id) === undefined,
        limit,
      ),
    );

  return {
    getRotation(id: string): Rotation | undefined {
      return shown(rotations.get(id));
    },

    findRotation({ secret, environment }: { secret: string; environment: string }) {
      const found = lookup.secret(secret);
      return shown(found === undefined ? undefined : rotations.find(found.id, environment));
    },

    listRotations(filter: RotationFilter): Page<Rotation> {
      const limit = pageLimit(filter);
      const { conditions, values } = conditionsOf(filter, now());
      const order = filter.dueBeforeMs === undefined ? BY_NAME : BY_TIME;
      const rows = database
        .prepare<unknown[], RotationRow>(
          `SELECT t.* FROM rotations AS t LEFT JOIN rotation_runs AS r ON r.position = (
             SELECT max(position) FROM rotation_runs WHERE rotation_id = t.id
           )
           WHERE ${conditions.join(' AND ')} ORDER BY ${order.columns} LIMIT ?`,
        )
        .all(...values, limit + 1);
      return toPage(
        rows,
        limit,
        (row) => order.of(row).join(BETWEEN_NAMES),
        (shown) => shown.map((row) => rotations.show(row)),
      );
    },

    nextDueAtMs: (): number | undefined =>
      dueBy(Number.MAX_SAFE_INTEGER, 1)[0]?.next_run_at_ms ?? undefined,

    dueRotations: ({ atMs, limit }: { atMs: number; limit: number }): Rotation[] =>
      dueBy(atMs, limit).map((row) => rotations.show(row)),

    getRun(id: string): RotationRun | undefined {
      const row = runs.get(id);
      if (row === undefined) return undefined;
      ledger.requireIntact('rotation_runs', row);
      return toRun(row);
    },

    listRuns({ rotationId, ...page }: PageRequest & { rotationId: string }): Page<RotationRun> {
      const limit = pageLimit(page);
      const before = decodeCursor(page.cursor, 'number') ?? Number.MAX_SAFE_INTEGER;
      return toPage(
        runsOf.all(rotationId, before, limit + 1),
        limit,
        (row) => row.position,
        (shown) => shown.map(toRun),
      );
    },

    runEvents: (id: string): RunEvent[] => events.all(runs.require(id).id),

    claimableRuns: (limit: number): RotationRun[] =>
      read(() =>
        intact(
          claimable.iterate({ atMs: now(), backMs: now() + LONGEST_WAIT_MS }),
          (row) => runs.holds(row) && holdsRotation(row.rotation_id),
          limit,
        ),
      ).map(toRun),

    providerKeys({ secret, environment }: { secret: string; environment: string }): ProviderKey[] {
      lookup.requireEnvironment(environment, { reserved: true });
      return keys
        .all(lookup.requireSecret(secret).id, environment)
        .filter((row) => row.state !== 'none' && ledger.holds('provider_keys', row))
        .map(({ version, state, key_id: keyId }) => ({ version, state, keyId }));
    },
  };
}

function conditionsOf(
  filter: RotationFilter,
  atMs: number,
): { conditions: string[]; values: unknown[] } {
  const conditions: string[] = ['TRUE'];
  const values: unknown[] = [];
  const add = (condition: string, ...own: unknown[]): void => {
    conditions.push(condition);
    values.push(...own);
  };
  const [first, second = ''] = decodeCursor(filter.cursor, 'string')?.split(BETWEEN_NAMES) ?? [];
  if (filter.dueBeforeMs !== undefined) {
    add("t.state = 'active' AND t.next_run_at_ms < ?", filter.dueBeforeMs);
    if (first !== undefined) add(`(${BY_TIME.columns}) > (?, ?)`, Number(first), second);
  } else if (first !== undefined) {
    add(`(${BY_NAME.columns}) > (?, ?)`, first, second);
  }
  if (filter.secret !== undefined) add('t.secret = ?', filter.secret);
  if (filter.secrets !== undefined) {
    add('t.secret IN (SELECT value FROM json_each(?))', JSON.stringify(filter.secrets));
  }
  if (filter.environment !== undefined) add('t.environment = ?', filter.environment);
  if (filter.status !== undefined) {
    const condition = STATUS[filter.status];
    add(`(${condition})`, ...(condition.includes('?') ? [atMs] : []));
  }
  if (filter.planned === false) {
    add(`(NOT (${PAUSED}) AND NOT (${OPEN}) AND t.next_run_at_ms IS NULL)`);
  }
  if (filter.environments !== undefined) {
    add('t.environment IN (SELECT value FROM json_each(?))', JSON.stringify(filter.environments));
  }
  if (filter.secretPrefix !== undefined) {
    add('substr(t.secret, 1, ?) = ?', filter.secretPrefix.length, filter.secretPrefix);
  }
  return { conditions, values };
}
