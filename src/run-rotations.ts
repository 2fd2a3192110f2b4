/** Rotates secrets by themselves: the engine, with the providers, store, snapshot and log of this server. */
import { randomUUID } from 'node:crypto';
import {
  AppError,
  type Clock,
  type Outbound,
  type Prober,
  type Rotation,
  type RotationControl,
  type RotationRun,
  type Store,
} from './core/index.js';
import {
  type CheckPropagation,
  createProviders,
  createRotationControl,
  createRotationEngine,
  DEFAULT_ROTATION_PACE,
  ProviderError,
} from './rotation/index.js';
import type { SnapshotKeeper } from './snapshot/index.js';
import type { Log } from './telemetry/index.js';

const CHECK_TIMEOUT_MS = 10_000;

export interface RunRotationsOptions {
  readonly store: Store;
  readonly keeper: Pick<SnapshotKeeper, 'current' | 'planFor'>;
  readonly prober: Prober;
  readonly outbound: Outbound;
  readonly clock: Clock;
  /** Where programs lie that provider `command` may run. */
  readonly commandFolder: string | undefined;
  /** Puts the newest snapshot in place. */
  readonly publish: () => Promise<void>;
  readonly log: Log;
}

export interface RunningRotations {
  readonly control: RotationControl;
  close(): Promise<void>;
}

/** Begins at once; each state that a run reaches is a line of the log. */
export function runRotations(options: RunRotationsOptions): RunningRotations {
  const { store, outbound, clock, log } = options;
  const shared = {
    store,
    outbound,
    clock,
    providers: createProviders(options),
    random: Math.random,
    onError: (error: unknown) => log.error('rotations_not_decided', error),
  };
  const engine = createRotationEngine({
    ...shared,
    pace: DEFAULT_ROTATION_PACE,
    holder: randomUUID(),
    publish: options.publish,
    checkPropagation: createPropagationCheck(options),
    onState(run) {
      const write = run.state === 'FAILED' || run.state === 'NEEDS_ATTENTION' ? log.warn : log.info;
      write('rotation_state', factsOf(run));
    },
  });
  const control = createRotationControl({ ...shared, wake: () => engine.wake() });
  return { control, close: () => engine.close() };
}

/** A path by the route that an app's request would take, with the new version; an address without any credential. */
function createPropagationCheck({
  keeper,
  prober,
  outbound,
}: Pick<RunRotationsOptions, 'keeper' | 'prober' | 'outbound'>): CheckPropagation {
  return async ({ secret, environment, propagationCheck }, version, signal) => {
    if (propagationCheck === null) return;
    const { endpoint, expectedStatus } = propagationCheck;
    const status = endpoint.startsWith('/')
      ? await askRoute({ keeper, prober }, endpoint, { secret, environment }, version)
      : await askAddress(outbound, endpoint, signal);
    if (status === expectedStatus) return;
    throw new ProviderError(
      'refused',
      `The propagation check of ${endpoint} was answered with ${status}, not ${expectedStatus}.`,
      { whatToDo: 'Look why, or change propagationCheck of the rotation.' },
    );
  };
}

async function askRoute(
  { keeper, prober }: Pick<RunRotationsOptions, 'keeper' | 'prober'>,
  endpoint: string,
  { secret, environment }: Pick<Rotation, 'secret' | 'environment'>,
  version: number | null,
): Promise<number> {
  const [path = ''] = endpoint.split('?');
  const route = keeper.current().table.match('GET', undefined, path)?.name ?? '';
  const whatToDo = `Apply routes that serve ${path} with "${secret}", or change propagationCheck of the rotation.`;
  try {
    const { stripLength } = await keeper.planFor(route, environment);
    const { status, detail } = await prober.probe({
      route,
      environment,
      method: 'GET',
      path: endpoint.slice(stripLength),
      with: { secret, version, toSecret: null },
    });
    if (status !== 0) return status;
    throw new ProviderError('unavailable', `The propagation check had no answer: ${detail}`, {
      whatToDo: 'Look whether the upstream can be reached.',
    });
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw new ProviderError('refused', `The propagation check cannot be made: ${error.message}`, {
      whatToDo,
      cause: error,
    });
  }
}

async function askAddress(outbound: Outbound, url: string, signal: AbortSignal): Promise<number> {
  try {
    const answer = await outbound.send({ method: 'GET', url, timeoutMs: CHECK_TIMEOUT_MS, signal });
    return answer.status;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const failure = error.code === 'upstream_address_denied' ? 'refused' : 'unavailable';
    throw new ProviderError(
      failure,
      `The propagation check of ${url} had no answer: ${error.message}`,
      {
        whatToDo: 'Look whether it can be reached from here.',
        cause: error,
      },
    );
  }
}

function factsOf(run: RotationRun) {
  const { id, secret, environment, provider, trigger, state, fromVersion, toVersion } = run;
  const { problem, reason } = run;
  return {
    run: id,
    secret,
    environment,
    provider,
    trigger,
    state,
    from: fromVersion ?? undefined,
    to: toVersion ?? undefined,
    problem: problem ?? undefined,
    reason: reason ?? undefined,
  };
}
