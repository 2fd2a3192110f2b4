import { isIP, type Socket } from 'node:net';
import { buildConnector, Pool } from 'undici';
import type { Upstream } from '../core/index.js';
import { AddressDenied, guardedLookup, isDeniedAddress, type ResolveAll } from './guard-address.js';
import { Http2Upstream } from './http2-upstream.js';

/** As long as most load balancers keep an idle connection (AWS ALB: 60 s), less a margin. */
const KEEP_ALIVE_MS = 55_000;

let connectionFails = false;

/**
 * Whether what happens now happens because a connection broke. undici takes a response that ends with its
 * connection for complete even when the connection was reset.
 */
export function isConnectionFailing(): boolean {
  return connectionFails;
}

/**
 * libuv reports a reset that comes together with the last bytes as a plain end. Linux then knows no peer any
 * more, while after a real end it does; what other systems say differs.
 */
const IS_LINUX = process.platform === 'linux';

function onEnd(this: Socket): void {
  if (this.remoteAddress === undefined) noteFailure();
}

/** Runs before undici's own listeners of the same event. */
function noteFailure(): void {
  connectionFails = true;
  queueMicrotask(() => {
    connectionFails = false;
  });
}

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
    const guard = lookup === undefined ? {} : { lookup };
    const connect = buildConnector({
      timeout: timeouts.connectMs,
      autoSelectFamily: true,
      ...guard,
      ...(tls.ca === undefined ? {} : { ca: tls.ca }),
    });
    return new Pool(origin, {
      pipelining: 1,
      allowH2: false,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: 600_000,
      headersTimeout: timeouts.headersMs,
      bodyTimeout: timeouts.idleMs,
      connect(options, callback) {
        const host = options.hostname.replace(/^\[|\]$/g, '');
        // An address literal is never looked up, so it is checked here.
        if (!allowPrivateNetwork && isIP(host) !== 0 && isDeniedAddress(host)) {
          callback(new AddressDenied('denied'), null);
          return;
        }
        // undici would take the name from Host before the one that the connector was made with.
        const { serverName } = tls;
        const named = serverName === undefined ? options : { ...options, servername: serverName };
        connect(named, (...result) => {
          result[1]?.on('error', noteFailure);
          if (IS_LINUX) result[1]?.on('end', onEnd);
          callback(...result);
        });
      },
    });
  }
}
