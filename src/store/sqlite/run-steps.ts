import {
  type Actor,
  AppError,
  alertOfRun,
  isRunEnded,
  KINDS_OF_RUNS,
  type ProviderKey,
  type RotationRun,
  RUN_TRANSITIONS,
  type RunChanges,
  type RunState,
  successOf,
} from '../../core/index.js';
import type { AlertBook } from './alert-book.js';
import type { Outbox } from './outbox.js';
import { describeRun, NO_HOLDER, NO_MATERIAL, type RunRow, toRun } from './run-row.js';
import type { RunTable } from './run-table.js';
import type { Session } from './session.js';
import type { VersionInsert } from './version-insert.js';

export interface StepOfRun {
  readonly actor: Actor;
  readonly to: RunState;
  readonly changes?: RunChanges | undefined;
  readonly note?: string | undefined;
  readonly reason?: string | undefined;
  readonly keys?: readonly ProviderKey[] | undefined;
}

export interface RunSteps {
  /** Whether the version of the run has its value, or is destroyed. */
  isSealed(row: RunRow): boolean;
  /** Writes the first audit row and the first line of the history of a run that was inserted. */
  begin(row: RunRow, actor: Actor, why?: string): RotationRun;
  /**
   * Goes where the step says, or throws `conflict`; `patch` is what it changes beside. Writes history and audit row;
   * call it inside a transaction.
   */
  take(row: RunRow, step: StepOfRun, patch?: Partial<RunRow>): RotationRun;
}

/** A run whose version has its value does not make another one. */
const BEFORE_SEALING: readonly RunState[] = ['PREFLIGHT', 'AWAITING_VALUE', 'MINTING'];

/** States in which what the new key is made of may still be needed. */
const KEEPS_MATERIAL: readonly RunState[] = ['MINTING', 'CLEANUP', 'NEEDS_ATTENTION'];

export function createRunSteps(
  { database, audit, changes, lookup, now }: Session,
  parts: {
    readonly runs: RunTable;
    readonly insertVersion: VersionInsert;
    readonly book: AlertBook;
    readonly outbox: Outbox;
  },
): RunSteps {
  const { runs, insertVersion, book, outbox } = parts;
  const addEvent = database.prepare<[string, number, RunState, string, string]>(
    'INSERT INTO run_events (run_id, at_ms, state, actor, note) VALUES (?, ?, ?, ?, ?)',
  );
  const saveKey = database.prepare<[string, string, number, string, string | null]>(
    `INSERT INTO provider_keys (secret_id, environment, version, state, key_id) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET state = excluded.state, key_id = excluded.key_id`,
  );
  const versionExists = database.prepare<[string, string, number]>(
    'SELECT 1 FROM versions WHERE secret_id = ? AND environment = ? AND version = ?',
  );

  const isSealed = ({ secret_id, environment, to_version: version }: RunRow): boolean =>
    version !== null && versionExists.get(secret_id, environment, version) !== undefined;

  const requireStep = (row: RunRow, to: RunState): void => {
    if (to === row.state) return;
    const isBack =
      (row.resumes_as === 'REVOKING' && to !== 'REVOKING') ||
      (BEFORE_SEALING.includes(to) && isSealed(row));
    if (RUN_TRANSITIONS[row.state].includes(to) && !isBack) return;
    throw new AppError('conflict', `The ${describeRun(row)}: from there it does not go to ${to}.`);
  };

  const requirePrincipalFree = (row: RunRow): void => {
    if (row.principal === null) return;
    const other = runs.openOn(row.provider, row.principal);
    if (other === undefined || other.id === row.id) return;
    throw new AppError(
      'conflict',
      `The ${describeRun(other)}, and works on the same account at ${row.provider}. One at a time.`,
    );
  };

  /** A reserved number that got no value stays as a destroyed version: it is never used again. */
  const closeReserved = (row: RunRow): void => {
    const { secret, environment, to_version: version } = row;
    if (version === null || isSealed(row)) return;
    insertVersion(
      { secret: lookup.requireSecret(secret), environment, version },
      {
        createdAtMs: now(),
        createdBy: row.started_by,
        expiresAtMs: null,
        note: `Reserved by rotation run ${row.id}, which made no value for it.`,
        fields: [],
        sealed: null,
      },
    );
    changes.append({ kind: 'version', secret, environment });
  };

  const record = (row: RunRow, actor: Actor, before: RunState | null, note: string): void => {
    addEvent.run(row.id, now(), row.state, actor.name, note);
    const run = toRun(row);
    audit.append({
      actor,
      action: 'rotation.run',
      secret: row.secret,
      environment: row.environment,
      detail: {
        run: run.id,
        rotation: run.rotationId,
        provider: run.provider,
        trigger: run.trigger,
        state: run.state,
        before,
        note,
        from: run.fromVersion,
        to: run.toVersion,
        principal: run.principal,
        step: run.stepId,
        oldKey: run.oldKeyId,
        newKey: run.newKeyId,
        orphanKeys: run.orphanKeyIds,
        cutover: run.cutoverId,
        attempts: run.attempts,
        retryAtMs: run.retryAtMs,
        deadlineAtMs: run.deadlineAtMs,
        problem: run.problem,
        reason: run.reason,
      },
    });
  };

  /** What a person must do, or is glad to hear, stands and falls with the step itself. */
  const tell = (before: RunRow, run: RotationRun): void => {
    const finding = alertOfRun(run, now());
    const isOver = KINDS_OF_RUNS.filter((kind) => kind !== finding?.kind);
    book.settle(run.id, isOver, 'the run goes on, or has ended');
    const isNew = before.state !== run.state || before.problem !== run.problem;
    if (finding !== undefined && isNew) book.raise({ ...finding, secretId: before.secret_id });
    if (run.state === 'DONE') outbox.enqueue(successOf(run, now()));
  };

  return {
    isSealed,

    begin(row, actor, why) {
      const reason = why === undefined ? '' : `: ${why}`;
      record(row, actor, null, `Begun (${row.begun_by})${reason}.`);
      return toRun(row);
    },

    take(row, { actor, to, changes: own = {}, note, reason, keys = [] }, patch = {}) {
      requireStep(row, to);
      const isEnd = isRunEnded(to);
      const next: RunRow = {
        ...(to === row.state ? row : entered(row, to, now())),
        ...columnsOf(own),
        ...patch,
        ...(isEnd ? { ended_at_ms: now(), reason: reason ?? note ?? `The run is ${to}.` } : {}),
        ...(isEnd ? NO_HOLDER : {}),
        ...(KEEPS_MATERIAL.includes(to) ? {} : NO_MATERIAL),
      };
      requirePrincipalFree(next);
      if (isEnd) closeReserved(next);
      runs.save(next);
      tell(row, toRun(next));
      for (const { version, state, keyId } of keys) {
        saveKey.run(row.secret_id, row.environment, version, state, keyId);
      }
      if (to !== row.state || note !== undefined) {
        record(next, actor, row.state, note ?? reason ?? `The run is ${to}.`);
      }
      return toRun(next);
    },
  };
}

/** A run in a new state. What one that needs attention waited for, it waits for still when it goes on. */
function entered(row: RunRow, to: RunState, atMs: number): RunRow {
  const needsAttention = to === 'NEEDS_ATTENTION';
  return {
    ...row,
    state: to,
    resumes_as: needsAttention ? row.state : null,
    attempts: 0,
    retry_at_ms: null,
    deadline_at_ms: needsAttention || to === row.resumes_as ? row.deadline_at_ms : null,
    problem: null,
    state_since_ms: atMs,
  };
}

function columnsOf(changes: RunChanges): Partial<RunRow> {
  const { keyIdsBefore, orphanKeyIds } = changes;
  const columns: [keyof RunRow, unknown][] = [
    ['principal', changes.principal],
    ['step_id', changes.stepId],
    ['key_ids_before', keyIdsBefore && JSON.stringify(keyIdsBefore)],
    ['old_key_id', changes.oldKeyId],
    ['new_key_id', changes.newKeyId],
    ['orphan_key_ids', orphanKeyIds && JSON.stringify(orphanKeyIds)],
    ['cutover_id', changes.cutoverId],
    ['attempts', changes.attempts],
    ['retry_at_ms', changes.retryAtMs],
    ['deadline_at_ms', changes.deadlineAtMs],
    ['problem', changes.problem],
  ];
  return Object.fromEntries(columns.filter(([, value]) => value !== undefined));
}
