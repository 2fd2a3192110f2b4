import type { Prober } from './core/index.js';
import type { ProxyListener } from './proxy/index.js';
import type { SnapshotKeeper } from './snapshot/index.js';

/** Tries versions on the real path: the snapshot prepares the plan, the proxy sends by it. */
export function createProber(
  keeper: Pick<SnapshotKeeper, 'planFor'>,
  proxy: Pick<ProxyListener, 'probe'>,
): Prober {
  return {
    async probe(request) {
      const plan = await keeper.planFor(request.route, request.environment, request.with);
      return proxy.probe(plan, request);
    },
  };
}
