/** Every five minutes: adds up and prunes the history of use, off the request path. */
import { setTimeout as rest } from 'node:timers/promises';
import { HISTORY_STEPS, type UsageHistoryStore } from './core/index.js';
import type { Log } from './telemetry/index.js';

/** Between slices others have their turn. */
const REST_MS = 50;

/** Begins at once. What fails is logged, and tried again the next time. */
export function keepUsageHistory(store: UsageHistoryStore, log: Log): { close(): Promise<void> } {
  let closed = false;
  const keep = async (): Promise<void> => {
    try {
      while (!closed && (await store.tidyUsageHistory())) await rest(REST_MS);
    } catch (error) {
      if (!closed) log.error('usage_history_not_kept', error);
    }
  };
  let underWay = keep();
  const timer = setInterval(() => {
    underWay = underWay.then(keep);
  }, HISTORY_STEPS.fine.everyMs);
  timer.unref();
  return {
    close() {
      closed = true;
      clearInterval(timer);
      return underWay;
    },
  };
}
