/** What needs a person becomes an alert: the engine, with what is counted beside requests. */
import { type AlertEngine, createAlertEngine } from './alerts/index.js';
import type { Clock, Store } from './core/index.js';
import type { Log } from './telemetry/index.js';

/** Begins at once. What is cut off when the start is given up is no error. */
export function raiseAlerts(
  store: Store,
  clock: Clock,
  log: Log,
  givenUp: AbortSignal,
): AlertEngine {
  const onError = (error: unknown): void => {
    if (!givenUp.aborted) log.error('alerts_not_judged', error);
  };
  return createAlertEngine({ store, clock, onError });
}

/** The same store, whose usage is counted when it is written. */
export function countingUsage(
  store: Pick<Store, 'recordUsage'>,
  alerts: AlertEngine,
): Pick<Store, 'recordUsage'> {
  return {
    async recordUsage(deltas, observations, requests) {
      await store.recordUsage(deltas, observations, requests);
      alerts.usage(deltas);
    },
  };
}
