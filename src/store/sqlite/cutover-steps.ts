import {
  type Actor,
  AppError,
  type Cutover,
  type CutoverEvidence,
  type CutoverSettings,
  type CutoverSide,
  type RoutesChange,
} from '../../core/index.js';
import type { AppliedRoutes } from './applied-routes.js';
import { type CutoverRow, courseOf, toCutover } from './cutover-row.js';
import type { CutoverTable } from './cutover-table.js';
import type { PointerTable } from './pointers.js';
import type { Session } from './session.js';

const MINUTE_MS = 60_000;

/** Who decided, and on what. */
export interface Decided {
  readonly actor: Actor;
  readonly evidence?: CutoverEvidence | null | undefined;
  readonly routes?: RoutesChange | undefined;
}

export interface DecidedEnd extends Decided {
  readonly reason: string;
}

/** What befalls a cutover under way. Each writes its audit and change rows; call it inside a transaction. */
export interface CutoverSteps {
  advance(row: CutoverRow, decided: Decided): Cutover;
  complete(row: CutoverRow, decided: DecidedEnd): Cutover;
  rollBack(row: CutoverRow, decided: DecidedEnd): Cutover;
  /** Ends it where the caller has moved the pointers, or is about to. */
  end(row: CutoverRow, state: 'COMPLETED' | 'ROLLED_BACK', decided: DecidedEnd): Cutover;
  /** Writes a row that was changed, and what is to be known of it. */
  record(row: CutoverRow, actor: Actor, action: string, detail?: Record<string, unknown>): Cutover;
}

export function createCutoverSteps(
  { audit, changes, lookup, now }: Session,
  table: CutoverTable,
  pointers: PointerTable,
  routes: AppliedRoutes,
): CutoverSteps {
  const record: CutoverSteps['record'] = (row, actor, action, detail = {}) => {
    const { id, secret, environment, to_secret: toSecret } = row;
    audit.append({
      actor,
      action: `cutover.${action}`,
      secret,
      environment,
      detail: {
        cutover: id,
        from: row.from_version,
        to: row.to_version ?? toSecret,
        state: row.state,
        percent: settingsOf(row).steps[row.step],
        ...detail,
      },
    });
    changes.append({ kind: 'cutover', secret, environment });
    if (toSecret !== null) changes.append({ kind: 'cutover', secret: toSecret, environment });
    return toCutover(row);
  };

  const moveTo = (side: CutoverSide, row: CutoverRow, { actor, routes: change }: Decided): void => {
    const { secret, environment, from_version: from, to_version: to } = row;
    if (to === null) {
      if (change !== undefined) routes.apply({ ...change, actor });
      const naming = side === 'new' ? routes.naming(secret, environment) : [];
      if (naming.length === 0) return;
      throw new AppError(
        'conflict',
        `The applied routes still name "${secret}" in ${environment} (${naming.slice(0, 5).join(', ')}): apply routes that name "${row.to_secret}" instead.`,
      );
    }
    const [before, version] = side === 'new' ? [from, to] : [to, from];
    if (pointers.get(row.secret_id, environment)?.current_version !== before) {
      throw new AppError(
        'conflict',
        `Version ${before} of "${secret}" in ${environment} is no longer current.`,
      );
    }
    pointers.makeCurrent({ secret: lookup.requireSecret(secret), environment, version }, now());
    changes.append({ kind: 'version', secret, environment });
  };

  const end: CutoverSteps['end'] = (row, state, { actor, reason, evidence }) => {
    const atMs = now();
    const isNew = state === 'COMPLETED';
    const last = settingsOf(row).steps.length - 1;
    const ended: CutoverRow = {
      ...row,
      state,
      step: isNew ? last : row.step,
      paused: 0,
      hold: null,
      current_since_ms: isNew ? (row.current_since_ms ?? atMs) : row.current_since_ms,
      window_ends_at_ms: isNew
        ? Math.min(row.window_ends_at_ms ?? atMs, atMs)
        : row.window_ends_at_ms,
      ended_at_ms: atMs,
      reason,
      ended_by_itself: actor.type === 'system' ? 1 : 0,
      evidence: asText(evidence) ?? row.evidence,
    };
    table.save(ended);
    const action = isNew ? 'complete' : 'rollback';
    return record(ended, actor, action, {
      reason,
      before: row.state,
      evidence: evidence ?? null,
    });
  };

  return {
    record,
    end,

    advance(row, decided) {
      const { steps, windowMinutes } = settingsOf(row);
      const step = row.state === 'PENDING' ? 0 : row.step + 1;
      const percent = steps[step];
      if (row.state === 'CURRENT' || percent === undefined) {
        throw new AppError(
          'conflict',
          `The cutover of "${row.secret}" in ${row.environment} has taken its last step: complete it, or roll it back.`,
        );
      }
      const atMs = now();
      const isLast = step === steps.length - 1;
      if (isLast) moveTo('new', row, decided);
      const next: CutoverRow = {
        ...row,
        state: isLast ? 'CURRENT' : 'CANARY',
        step,
        hold: null,
        step_started_at_ms: atMs,
        current_since_ms: isLast ? atMs : null,
        window_ends_at_ms: isLast ? atMs + Math.round(windowMinutes * MINUTE_MS) : null,
        evidence: asText(decided.evidence) ?? row.evidence,
      };
      table.save(next);
      return record(next, decided.actor, isLast ? 'activate' : 'advance', {
        before: row.state,
        evidence: decided.evidence ?? null,
      });
    },

    complete(row, decided) {
      if (row.state !== 'CURRENT') moveTo('new', row, decided);
      return end(row, 'COMPLETED', decided);
    },

    rollBack(row, decided) {
      // What an altered row says is not to be believed: it only ends.
      if (row.state === 'CURRENT' && table.holds(row)) moveTo('old', row, decided);
      return end(row, 'ROLLED_BACK', decided);
    },
  };
}

function settingsOf(row: CutoverRow): CutoverSettings {
  return JSON.parse(row.settings);
}

function asText(evidence: CutoverEvidence | null | undefined): string | undefined {
  return evidence === null || evidence === undefined ? undefined : JSON.stringify(evidence);
}

export function underWay(row: CutoverRow): string {
  return `cutover ${row.id} ${courseOf(row)} is under way (${row.state})`;
}

/** The `conflict` of a command that cannot go beside a cutover under way. */
export function inTheWay(secret: string, environment: string, row: CutoverRow): AppError {
  return new AppError(
    'conflict',
    `For "${secret}" in ${environment}, ${underWay(row)}. Complete it or roll it back first.`,
  );
}
