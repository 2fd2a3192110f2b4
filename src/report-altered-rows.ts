/** Says in the log which rows of the database are not used because another program altered them. */
import type { Store } from './core/index.js';
import type { Log } from './telemetry/index.js';

/** They are found when they are read: at a start, after a change, and when an admin's token is checked. */
const LOOK_EVERY_MS = 5_000;

export interface AlteredRowsReport {
  close(): void;
}

/** Looks now and from time to time. Each row is named once, and again when it was mended in between. */
export function reportAlteredRows(store: Pick<Store, 'alteredRows'>, log: Log): AlteredRowsReport {
  let said: ReadonlySet<string> = new Set();
  const look = async (): Promise<void> => {
    const rows = await store.alteredRows();
    for (const row of rows) if (!said.has(row)) log.warn('row_altered', { row });
    said = new Set(rows);
  };
  // What the store throws is reported by who waits for it.
  const tick = (): void => void look().catch(() => undefined);
  tick();
  const timer = setInterval(tick, LOOK_EVERY_MS);
  timer.unref();
  return { close: () => clearInterval(timer) };
}
