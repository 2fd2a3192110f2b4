import { createServer, type IncomingMessage, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { TLSSocket } from 'node:tls';
import type { TrafficLimits } from '../core/index.js';
import type { Http2Sessions } from './http2-sessions.js';
import { ProxyRequest } from './proxy-request.js';
import { offersWebSocket } from './read-upgrade.js';

export interface ProxyLimits {
  readonly maxHeaderBytes: number;
  readonly maxHeaders: number;
  readonly headersTimeoutMs: number;
  readonly bodyIdleMs: number;
  /** How long a client may take nothing of its response. */
  readonly responseIdleMs: number;
  readonly maxConnections: number;
  /** From one address, or one IPv6 network of 64 bits; 0 = no limit. */
  readonly maxConnectionsPerAddress: number;
  /** Requests under way at once; more are answered `overloaded`. */
  readonly maxConcurrentRequests: number;
  /** Requests under way at once on one connection of HTTP/2. */
  readonly maxStreamsPerConnection: number;
  /** Lasting delay of the event loop from which on requests are answered `overloaded`; 0 = never. */
  readonly maxEventLoopDelayMs: number;
  /** For each client that has no limits of its own. */
  readonly clientLimits: TrafficLimits | undefined;
}

export const DEFAULT_PROXY_LIMITS: ProxyLimits = {
  maxHeaderBytes: 64 * 1024,
  maxHeaders: 200,
  headersTimeoutMs: 10_000,
  bodyIdleMs: 60_000,
  responseIdleMs: 120_000,
  maxConnections: 20_000,
  maxConnectionsPerAddress: 10_000,
  maxConcurrentRequests: 10_000,
  maxStreamsPerConnection: 128,
  maxEventLoopDelayMs: 500,
  clientLimits: undefined,
};

export interface ProxyTls {
  readonly cert: string;
  readonly key: string;
  /** Set = a client certificate signed by one of these is required. */
  readonly clientCa?: string | undefined;
}

export type HttpServer = Server<typeof ProxyRequest>;

/** Node 22.21 and 24.9 ask this first; an older one takes every offer to upgrade (`withoutUpgrade` puts it back). */
interface UpgradeOption {
  readonly shouldUpgradeCallback: (request: IncomingMessage) => boolean;
}

/** The bare server of the proxy listener; nobody listens to it yet. `tls`: where it speaks TLS. */
export function createHttpServer(
  limits: ProxyLimits,
  tls: { readonly files: ProxyTls; readonly http2: Http2Sessions } | undefined,
): HttpServer {
  const options: ServerOptions<typeof ProxyRequest> & UpgradeOption = {
    IncomingMessage: ProxyRequest,
    maxHeaderSize: limits.maxHeaderBytes,
    // Whatever NODE_OPTIONS says.
    insecureHTTPParser: false,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: 0,
    keepAliveTimeout: 65_000,
    connectionsCheckingInterval: 1000,
    // Said by Keyferry itself, as a problem document.
    requireHostHeader: false,
    noDelay: true,
    shouldUpgradeCallback: offersWebSocket,
  };
  const server =
    tls === undefined
      ? createServer(options)
      : divert(
          createTlsServer({
            ...options,
            ...tlsOptions(tls.files),
            handshakeTimeout: limits.headersTimeoutMs,
          }),
          tls.http2,
        );
  // Counted and refused by Keyferry: node:http would drop what is beyond the count, a Content-Length among it.
  server.maxHeadersCount = 0;
  server.maxConnections = limits.maxConnections;
  return server;
}

/**
 * Hands connections that chose HTTP/2 to its sessions. All others go on to the server's own listeners, so that
 * HTTP/1.1 over TLS is the same with it as without.
 */
function divert<S extends HttpServer>(server: S, http2: Http2Sessions): S {
  const takers = server.listeners('secureConnection');
  server.removeAllListeners('secureConnection');
  server.on('secureConnection', (socket: TLSSocket) => {
    if (socket.alpnProtocol === 'h2') http2.take(socket);
    else for (const take of takers) take.call(server, socket);
  });
  return server;
}

function tlsOptions({ cert, key, clientCa }: ProxyTls) {
  const own = { cert, key, minVersion: 'TLSv1.2' as const, ALPNProtocols: ['h2', 'http/1.1'] };
  return clientCa === undefined
    ? own
    : { ...own, ca: clientCa, requestCert: true, rejectUnauthorized: true };
}
