import type { RequestTrier } from './core/index.js';
import type { ProxyListener } from './proxy/index.js';
import type { SnapshotKeeper } from './snapshot/index.js';

/** Sends requests of people on the real path: the snapshot prepares the plan, the proxy sends by it. */
export function createRequestTrier(
  keeper: Pick<SnapshotKeeper, 'planToTry'>,
  proxy: Pick<ProxyListener, 'prepareTry'>,
): RequestTrier {
  return {
    async prepare(request) {
      const planned = await keeper.planToTry(request.route, request.environment, request.with);
      return proxy.prepareTry(planned, request);
    },
  };
}
