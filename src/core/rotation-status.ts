import { isRunEnded, type Rotation } from './rotation.js';
import type { RotationStatus } from './rotation-store.js';

/** One word for a list: what needs a person comes before what goes on, and that before what rests. */
export function rotationStatus(
  { run, state, nextRunAtMs }: Pick<Rotation, 'run' | 'state' | 'nextRunAtMs'>,
  nowMs: number,
): RotationStatus {
  const newest = run?.state;
  if (newest === 'NEEDS_ATTENTION' || newest === 'FAILED' || newest === 'ROLLED_BACK') {
    return 'failed';
  }
  if (state === 'paused') return 'paused';
  if (newest !== undefined && !isRunEnded(newest)) return 'running';
  return nextRunAtMs !== null && nextRunAtMs < nowMs ? 'overdue' : 'ok';
}
