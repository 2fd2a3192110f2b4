import type { Database } from 'better-sqlite3';
import { AppError } from '../../core/index.js';
import type { RowLedger } from './row-ledger.js';
import { describeRun, type RunRow } from './run-row.js';

export interface RunTable {
  get(id: string): RunRow | undefined;
  /** Throws `not_found`. */
  require(id: string): RunRow;
  /** Throws `not_found`, `conflict` when it has ended, `database_corrupt` when it was altered. */
  requireOpen(id: string): RunRow;
  /** The open one of a rotation, or else the newest. */
  newestOf(rotationId: string): RunRow | undefined;
  /** Altered or not. */
  openOf(rotationId: string): RunRow | undefined;
  openAt(secretId: string, environment: string): RunRow | undefined;
  /** The open one that works on an account at a provider. */
  openOn(provider: string, principal: string): RunRow | undefined;
  holds(row: RunRow): boolean;
  insert(row: Omit<RunRow, 'position'>): void;
  /** Writes what may change. */
  save(row: RunRow): void;
}

export function createRunTable(database: Database, ledger: RowLedger): RunTable {
  const get = database.prepare<[string], RunRow>('SELECT * FROM rotation_runs WHERE id = ?');
  const newestOf = database.prepare<[string], RunRow>(
    'SELECT * FROM rotation_runs WHERE rotation_id = ? ORDER BY position DESC LIMIT 1',
  );
  const openOf = database.prepare<[string], RunRow>(
    'SELECT * FROM rotation_runs WHERE rotation_id = ? AND ended_at_ms IS NULL',
  );
  const openAt = database.prepare<[string, string], RunRow>(
    'SELECT * FROM rotation_runs WHERE secret_id = ? AND environment = ? AND ended_at_ms IS NULL',
  );
  const openOn = database.prepare<[string, string], RunRow>(
    'SELECT * FROM rotation_runs WHERE provider = ? AND principal = ? AND ended_at_ms IS NULL',
  );
  const insert = database.prepare<Omit<RunRow, 'position'>>(
    `INSERT INTO rotation_runs VALUES (NULL, @id, @rotation_id, @secret_id, @secret, @environment, @provider,
       @begun_by, @state, @resumes_as, @epoch, @principal, @from_version, @to_version, @step_id,
       @key_ids_before, @old_key_id, @new_key_id, @orphan_key_ids, @cutover_id, @attempts, @retry_at_ms,
       @deadline_at_ms, @problem, @started_at_ms, @started_by, @state_since_ms, @ended_at_ms, @reason,
       @holder, @leased_at_ms, @lease_ends_at_ms, @material_algorithm, @material_key_id,
       @material_wrapped_key, @material_ciphertext)`,
  );
  const save = database.prepare<RunRow>(
    `UPDATE rotation_runs SET begun_by = @begun_by, state = @state, resumes_as = @resumes_as, epoch = @epoch,
       principal = @principal, from_version = @from_version, to_version = @to_version, step_id = @step_id,
       key_ids_before = @key_ids_before, old_key_id = @old_key_id, new_key_id = @new_key_id,
       orphan_key_ids = @orphan_key_ids, cutover_id = @cutover_id, attempts = @attempts,
       retry_at_ms = @retry_at_ms, deadline_at_ms = @deadline_at_ms, problem = @problem,
       state_since_ms = @state_since_ms, ended_at_ms = @ended_at_ms, reason = @reason, holder = @holder,
       leased_at_ms = @leased_at_ms, lease_ends_at_ms = @lease_ends_at_ms,
       material_algorithm = @material_algorithm, material_key_id = @material_key_id,
       material_wrapped_key = @material_wrapped_key, material_ciphertext = @material_ciphertext
     WHERE id = @id`,
  );
  const requireRow = (id: string): RunRow => {
    const row = get.get(id);
    if (row === undefined) throw new AppError('not_found', `There is no rotation run "${id}".`);
    return row;
  };
  return {
    get: (id) => get.get(id),
    require: requireRow,
    requireOpen(id) {
      const row = requireRow(id);
      if (row.ended_at_ms !== null) {
        throw new AppError('conflict', `The ${describeRun(row)}: it has ended. ${row.reason}`);
      }
      ledger.requireIntact('rotation_runs', row);
      return row;
    },
    newestOf: (rotationId) => newestOf.get(rotationId),
    openOf: (rotationId) => openOf.get(rotationId),
    openAt: (secretId, environment) => openAt.get(secretId, environment),
    openOn: (provider, principal) => openOn.get(provider, principal),
    holds: (row) => ledger.holds('rotation_runs', row),
    insert(row) {
      insert.run(row);
    },
    save(row) {
      save.run(row);
    },
  };
}
