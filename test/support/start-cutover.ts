import type {
  CutoverDelta,
  Plan,
  Route,
  RouteEnvironment,
  Snapshot,
} from '../../src/core/index.js';
import { SecretValue, type Trial } from '../../src/core/index.js';
import { TEST_ACTOR } from './open-test-store.js';
import {
  type ProxyBefore,
  type ProxyRigOptions,
  REAL_KEY,
  startProxyBefore,
} from './start-proxy.js';

/** The values of version 1 and 2 of `api_key`. */
export const OLD_KEY = REAL_KEY;
export const NEW_KEY = 'real_live_next_83bb50fc72e94a1d';

export interface CutoverRig extends ProxyBefore {
  /** The old version is current, and a share of the requests takes the new one. */
  canary(trial?: Partial<Pick<Trial, 'share' | 'clients' | 'stickyClients' | 'step'>>): void;
  /** The new version is current, and the old one lives beside it. */
  window(): void;
  /** No cutover is under way. */
  settle(current: 'old' | 'new'): void;
  /** What the cutover has observed so far. */
  observed(): Promise<readonly CutoverDelta[]>;
}

/**
 * `startProxyBefore` with two versions of `api_key`, rendered by the real snapshot, and a cutover between them whose
 * phase a test sets. Before it sets one, the old version is current and nothing else lives.
 */
export async function startCutover(
  origin: string,
  route: Partial<Route & RouteEnvironment> = {},
  options: ProxyRigOptions = {},
  start = startProxyBefore,
): Promise<CutoverRig> {
  let plans: Snapshot['plans'] | undefined;
  let seen: Snapshot | undefined;
  let made: Snapshot | undefined;
  const view = (newest: Snapshot): Snapshot => {
    if (plans === undefined) return newest;
    if (seen !== newest || made?.plans !== plans) made = { ...newest, plans };
    seen = newest;
    return made;
  };
  const rig = await start(origin, route, { ...options, view });
  const { store, keeper } = rig;
  const deltas: CutoverDelta[] = [];
  const recordUsage = store.recordUsage.bind(store);
  store.recordUsage = (usage, observations = []) => {
    deltas.push(...observations);
    return recordUsage(usage, []);
  };
  const at = { actor: TEST_ACTOR, secret: 'api_key', environment: 'production' };
  const old = keeper.current().plans;
  const value = SecretValue.fromText(NEW_KEY);
  await store.addVersion({ ...at, value });
  await store.activateVersion({ ...at, version: 2 });
  await keeper.catchUp();
  const next = keeper.current().plans;
  await store.activateVersion({ ...at, version: 1 });
  await keeper.catchUp();
  plans = old;

  function tried(current: 'old' | 'new', trial: Partial<Trial>): Snapshot['plans'] {
    const [base, others] = current === 'old' ? [old, next] : [next, old];
    const side = current === 'old' ? 'new' : 'old';
    return base.map((byEnvironment, index) => {
      const withTrial = ([name, plan]: [string, Plan]): [string, Plan] => {
        const { step = 0 } = trial;
        const other = others[index]?.get(name) as Plan;
        const about: Trial = {
          cutoverId: 'cutover-1',
          step,
          other: { ...other, trialOf: { cutoverId: 'cutover-1', step, side } },
          otherSide: side,
          share: 0,
          clients: undefined,
          stickyClients: false,
          ...trial,
        };
        return [name, { ...plan, trials: [about] }];
      };
      return new Map([...byEnvironment].map(withTrial));
    });
  }

  return {
    ...rig,
    canary(trial = {}) {
      plans = tried('old', { share: 1, ...trial });
    },
    window() {
      plans = tried('new', { step: 1 });
    },
    settle(current) {
      plans = current === 'old' ? [...old] : [...next];
    },
    async observed() {
      await rig.usage.flush();
      return deltas;
    },
  };
}
