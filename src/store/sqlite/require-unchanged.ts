import { AppError } from '../../core/index.js';

interface Dated {
  readonly updatedAtMs: number;
}

/** Throws `precondition_failed` where somebody changed `name` after it was read with `ifUpdatedAtMs`. */
export function requireUnchanged(
  name: string,
  { updatedAtMs }: Dated,
  ifUpdatedAtMs: number | undefined,
): void {
  if (ifUpdatedAtMs === undefined || ifUpdatedAtMs === updatedAtMs) return;
  throw new AppError(
    'precondition_failed',
    `Somebody has changed ${name} since it was read. Read it again and repeat the change.`,
  );
}

/** The time of a change: never that of the change before, by which the two would be taken for one. */
export function laterThan({ updatedAtMs }: Dated, nowMs: number): number {
  return Math.max(nowMs, updatedAtMs + 1);
}
