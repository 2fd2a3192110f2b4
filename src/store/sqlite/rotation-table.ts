import type { Database } from 'better-sqlite3';
import { AppError, type Rotation } from '../../core/index.js';
import { type RotationRow, toRotation } from './rotation-row.js';
import type { RowLedger } from './row-ledger.js';
import type { RunTable } from './run-table.js';

export interface RotationTable {
  get(id: string): RotationRow | undefined;
  /** Throws `not_found`. */
  require(id: string): RotationRow;
  /** Throws `not_found`, and `database_corrupt` when it was altered. */
  requireIntact(id: string): RotationRow;
  /** The same, and `conflict` where it is paused. */
  requireActive(id: string): RotationRow;
  find(secretId: string, environment: string): RotationRow | undefined;
  /** Altered or not. */
  ofSecret(secretId: string): RotationRow[];
  ofEnvironment(environment: string): RotationRow[];
  holds(row: RotationRow): boolean;
  insert(row: RotationRow): void;
  /** Writes what may change. */
  save(row: RotationRow): void;
  remove(id: string): void;
  /** With its run. */
  show(row: RotationRow): Rotation;
}

export function createRotationTable(
  database: Database,
  ledger: RowLedger,
  runs: RunTable,
): RotationTable {
  const get = database.prepare<[string], RotationRow>('SELECT * FROM rotations WHERE id = ?');
  const find = database.prepare<[string, string], RotationRow>(
    'SELECT * FROM rotations WHERE secret_id = ? AND environment = ?',
  );
  const ofSecret = database.prepare<[string], RotationRow>(
    'SELECT * FROM rotations WHERE secret_id = ? ORDER BY environment',
  );
  const ofEnvironment = database.prepare<[string], RotationRow>(
    'SELECT * FROM rotations WHERE environment = ? ORDER BY secret',
  );
  const insert = database.prepare<RotationRow>(
    `INSERT INTO rotations VALUES (@id, @secret_id, @secret, @environment, @provider, @settings, @state,
       @next_run_at_ms, @created_at_ms, @created_by, @updated_at_ms)`,
  );
  const save = database.prepare<RotationRow>(
    `UPDATE rotations SET settings = @settings, state = @state, next_run_at_ms = @next_run_at_ms,
       updated_at_ms = @updated_at_ms WHERE id = @id`,
  );
  const remove = database.prepare<[string]>('DELETE FROM rotations WHERE id = ?');
  const requireRow = (id: string): RotationRow => {
    const row = get.get(id);
    if (row === undefined) throw new AppError('not_found', `There is no rotation "${id}".`);
    return row;
  };
  const requireIntact = (id: string): RotationRow => {
    const row = requireRow(id);
    ledger.requireIntact('rotations', row);
    return row;
  };
  return {
    get: (id) => get.get(id),
    require: requireRow,
    requireIntact,
    requireActive(id) {
      const row = requireIntact(id);
      if (row.state !== 'paused') return row;
      throw new AppError(
        'conflict',
        `The rotation of "${row.secret}" in ${row.environment} is paused. Resume it first.`,
      );
    },
    find: (secretId, environment) => find.get(secretId, environment),
    ofSecret: (secretId) => ofSecret.all(secretId),
    ofEnvironment: (environment) => ofEnvironment.all(environment),
    holds: (row) => ledger.holds('rotations', row),
    insert(row) {
      insert.run(row);
    },
    save(row) {
      save.run(row);
    },
    remove(id) {
      remove.run(id);
    },
    show: (row) => toRotation(row, runs.newestOf(row.id)),
  };
}
