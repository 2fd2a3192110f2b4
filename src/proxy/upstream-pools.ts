import { Pool } from 'undici';
import type { Upstream } from '../core/index.js';
import { guardedLookup, isDeniedAddress, type ResolveAll } from './guard-address.js';
import { guardedConnector } from './guarded-connector.js';
import { Http2Upstream } from './http2-upstream.js';

/** As long as most load balancers keep an idle connection (AWS ALB: 60 s), less a margin. */
const KEEP_ALIVE_MS = 55_000;

/**
 * One pool of connections per upstream, environment and connection options: a route that denies private
 * addresses never reuses a socket of one that allows them.
 */
export class UpstreamPools {
  readonly #pools = new Map<string, Pool | Http2Upstream>();
  readonly #resolveAll: ResolveAll | undefined;

  constructor(resolveAll?: ResolveAll) {
    this.#resolveAll = resolveAll;
  }

  poolFor(upstream: Upstream): Pool | Http2Upstream {
    const known = this.#pools.get(upstream.id);
    if (known !== undefined) return known;
    const pool = this.#open(upstream);
    this.#pools.set(upstream.id, pool);
    return pool;
  }

  /** Closes the pools of upstreams that are no longer named, once their requests are done. */
  retain(ids: ReadonlySet<string>): void {
    for (const [id, pool] of this.#pools) {
      if (ids.has(id)) continue;
      this.#pools.delete(id);
      pool.close().catch(() => pool.destroy());
    }
  }

  async destroy(): Promise<void> {
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    await Promise.all(pools.map((pool) => pool.destroy()));
  }

  #open(upstream: Upstream): Pool | Http2Upstream {
    const { origin, allowPrivateNetwork, http2, timeouts, tls } = upstream;
    const lookup = allowPrivateNetwork ? undefined : guardedLookup(this.#resolveAll);
    if (http2) return new Http2Upstream(upstream, lookup);
    const guard = lookup === undefined ? undefined : { isDenied: isDeniedAddress, lookup };
    return new Pool(origin, {
      pipelining: 1,
      allowH2: false,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: 600_000,
      headersTimeout: timeouts.headersMs,
      bodyTimeout: timeouts.idleMs,
      connect: guardedConnector({
        connectMs: timeouts.connectMs,
        guard,
        ca: tls.ca,
        serverName: tls.serverName,
      }),
    });
  }
}
