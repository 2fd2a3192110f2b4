import type { Cutover, CutoverHold, CutoverState } from '../../core/index.js';

export interface CutoverRow {
  readonly id: string;
  readonly secret_id: string;
  readonly secret: string;
  readonly environment: string;
  readonly from_version: number;
  readonly to_secret_id: string | null;
  readonly to_secret: string | null;
  readonly to_version: number | null;
  readonly settings: string;
  readonly state: CutoverState;
  readonly step: number;
  readonly paused: number;
  readonly hold: CutoverHold | null;
  readonly started_at_ms: number;
  readonly started_by: string;
  readonly step_started_at_ms: number;
  readonly current_since_ms: number | null;
  readonly window_ends_at_ms: number | null;
  readonly ended_at_ms: number | null;
  readonly reason: string | null;
  readonly ended_by_itself: number;
  readonly evidence: string | null;
}

export function toCutover(row: CutoverRow): Cutover {
  return {
    id: row.id,
    secret: row.secret,
    environment: row.environment,
    fromVersion: row.from_version,
    toSecret: row.to_secret,
    toVersion: row.to_version,
    settings: JSON.parse(row.settings),
    state: row.state,
    step: row.step,
    paused: row.paused === 1,
    hold: row.hold,
    startedAtMs: row.started_at_ms,
    startedBy: row.started_by,
    stepStartedAtMs: row.step_started_at_ms,
    currentSinceMs: row.current_since_ms,
    windowEndsAtMs: row.window_ends_at_ms,
    endedAtMs: row.ended_at_ms,
    reason: row.reason,
    endedByItself: row.ended_by_itself === 1,
    evidence: row.evidence === null ? null : JSON.parse(row.evidence),
  };
}

/** `from version 1 to version 2`. */
export function courseOf(row: CutoverRow): string {
  const to = row.to_secret === null ? `version ${row.to_version}` : `"${row.to_secret}"`;
  return `from version ${row.from_version} to ${to}`;
}
