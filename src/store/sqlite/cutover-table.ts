import type { Database } from 'better-sqlite3';
import { AppError } from '../../core/index.js';
import type { CutoverRow } from './cutover-row.js';
import type { RowLedger } from './row-ledger.js';

export interface CutoverTable {
  get(id: string): CutoverRow | undefined;
  /** Throws `not_found`. */
  require(id: string): CutoverRow;
  /** The one under way that moves this secret in the environment, or moves to it by name. Altered or not. */
  runningAt(secretId: string, environment: string): CutoverRow | undefined;
  /** All under way that concern this secret, altered or not. */
  runningOf(secretId: string): CutoverRow[];
  /** All under way, oldest first, without those that were altered. */
  running(): CutoverRow[];
  /** Whether the row is as it was written. */
  holds(row: CutoverRow): boolean;
  /** Throws `database_corrupt` where `holds` is false. */
  requireIntact(row: CutoverRow): void;
  insert(row: CutoverRow): void;
  /** Writes what may change. */
  save(row: CutoverRow): void;
}

export function createCutoverTable(database: Database, ledger: RowLedger): CutoverTable {
  const get = database.prepare<[string], CutoverRow>('SELECT * FROM cutovers WHERE id = ?');
  const runningAt = database.prepare<{ secretId: string; environment: string }, CutoverRow>(
    `SELECT * FROM cutovers
     WHERE environment = @environment AND ended_at_ms IS NULL
       AND (secret_id = @secretId OR to_secret_id = @secretId)`,
  );
  const runningOf = database.prepare<{ secretId: string }, CutoverRow>(
    `SELECT * FROM cutovers
     WHERE ended_at_ms IS NULL AND (secret_id = @secretId OR to_secret_id = @secretId)`,
  );
  const running = database.prepare<[], CutoverRow>(
    'SELECT * FROM cutovers WHERE ended_at_ms IS NULL ORDER BY id',
  );
  const insert = database.prepare<CutoverRow>(
    `INSERT INTO cutovers VALUES (@id, @secret_id, @secret, @environment, @from_version, @to_secret_id,
       @to_secret, @to_version, @settings, @state, @step, @paused, @hold, @started_at_ms, @started_by,
       @step_started_at_ms, @current_since_ms, @window_ends_at_ms, @ended_at_ms, @reason,
       @ended_by_itself, @evidence)`,
  );
  const save = database.prepare<CutoverRow>(
    `UPDATE cutovers SET state = @state, step = @step, paused = @paused, hold = @hold,
       step_started_at_ms = @step_started_at_ms, current_since_ms = @current_since_ms,
       window_ends_at_ms = @window_ends_at_ms, ended_at_ms = @ended_at_ms, reason = @reason,
       ended_by_itself = @ended_by_itself, evidence = @evidence
     WHERE id = @id`,
  );
  const holds = (row: CutoverRow): boolean => ledger.holds('cutovers', row);
  return {
    get: (id) => get.get(id),
    require(id) {
      const row = get.get(id);
      if (row === undefined) throw new AppError('not_found', `There is no cutover "${id}".`);
      return row;
    },
    runningAt: (secretId, environment) => runningAt.get({ secretId, environment }),
    runningOf: (secretId) => runningOf.all({ secretId }),
    running: () => running.all().filter(holds),
    holds,
    requireIntact(row) {
      if (holds(row)) return;
      throw new AppError(
        'database_corrupt',
        `The row of cutover ${row.id} was altered outside of Keyferry: it moves nothing. Roll it back: that ends it and leaves the versions as they are. Then run keyferry doctor.`,
      );
    },
    insert(row) {
      insert.run(row);
    },
    save(row) {
      save.run(row);
    },
  };
}
