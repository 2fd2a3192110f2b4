import type { ProviderId, Rotation, RotationSettings, RotationState } from '../../core/index.js';
import { type RunRow, toRun } from './run-row.js';

export interface RotationRow {
  readonly id: string;
  readonly secret_id: string;
  readonly secret: string;
  readonly environment: string;
  readonly provider: ProviderId;
  readonly settings: string;
  readonly state: RotationState;
  readonly next_run_at_ms: number | null;
  readonly created_at_ms: number;
  readonly created_by: string;
  readonly updated_at_ms: number;
}

export function toRotation(row: RotationRow, run: RunRow | undefined): Rotation {
  const settings: Omit<RotationSettings, 'provider'> = JSON.parse(row.settings);
  return {
    id: row.id,
    secret: row.secret,
    environment: row.environment,
    provider: row.provider,
    ...settings,
    state: row.state,
    nextRunAtMs: row.next_run_at_ms,
    createdAtMs: row.created_at_ms,
    createdBy: row.created_by,
    updatedAtMs: row.updated_at_ms,
    run: run === undefined ? null : toRun(run),
  };
}

/** The settings alone, of a command that may hold more. */
export function settingsText(settings: Omit<RotationSettings, 'provider'>): string {
  const { intervalDays, cron, timezone, window, jitterMinutes } = settings;
  const { gracePeriodMinutes, soakMinutes, propagationCheck, cutover, config } = settings;
  return JSON.stringify({
    intervalDays,
    cron,
    timezone,
    window,
    jitterMinutes,
    gracePeriodMinutes,
    soakMinutes,
    propagationCheck,
    cutover,
    config,
  } satisfies Omit<RotationSettings, 'provider'>);
}
