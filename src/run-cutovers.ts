/** Takes cutovers on by what requests have shown: the engine, with the store, snapshot and log of this server. */
import {
  type Clock,
  type Cutover,
  type CutoverRoutes,
  NO_COUNTS,
  type Prober,
  type Store,
} from './core/index.js';
import { type CutoverEngine, type CutoverGround, createCutoverEngine } from './cutover/index.js';
import type { SnapshotKeeper } from './snapshot/index.js';
import type { Log } from './telemetry/index.js';

export interface RunCutoversOptions {
  readonly store: Store;
  readonly keeper: Pick<SnapshotKeeper, 'catchUp' | 'partsOf'>;
  readonly prober: Prober;
  readonly routes: CutoverRoutes;
  readonly clock: Clock;
  /** Puts the newest snapshot in place. */
  readonly publish: () => Promise<void>;
  readonly log: Log;
}

/** Begins at once; each decision is a line of the log. */
export function runCutovers(options: RunCutoversOptions): CutoverEngine {
  const { keeper, log, ...rest } = options;
  return createCutoverEngine({
    ...rest,
    groundOf: (cutover) => groundOf(cutover, keeper),
    onDecision(action, cutover) {
      const write = action === 'rollback' ? log.warn : log.info;
      write(`cutover_${action}`, factsOf(cutover));
    },
    onError: (error) => log.error('cutovers_not_decided', error),
  });
}

/** Of the routes that take part, where the snapshot in use knows the cutover: one that began just now comes first. */
async function groundOf(
  { id }: Cutover,
  keeper: RunCutoversOptions['keeper'],
): Promise<CutoverGround> {
  if (keeper.partsOf(id).length === 0) await keeper.catchUp();
  const parts = keeper.partsOf(id);
  const failing = parts.find(({ failure }) => failure !== undefined);
  return {
    probes: parts.flatMap(({ route, probe }) => {
      if (probe === undefined) return [];
      const { method = 'GET', path, expectedStatus } = probe;
      return [{ route, method, path, expectedStatus }];
    }),
    failure: failing?.failure && { route: failing.route, detail: failing.failure.detail },
  };
}

function factsOf(cutover: Cutover) {
  const { id, secret, environment, state, step, settings, hold, reason, evidence } = cutover;
  const { accepted, refused, failed, pairedRefusals } = evidence?.new ?? NO_COUNTS;
  return {
    cutover: id,
    secret,
    environment,
    state,
    percent: settings.steps[step],
    hold: hold ?? undefined,
    reason: reason ?? undefined,
    accepted,
    refused,
    failed,
    pairedRefusals,
  };
}
