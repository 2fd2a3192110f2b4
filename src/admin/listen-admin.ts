import type { Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer, type HttpBindings } from '@hono/node-server';
import { AppError, formatListenAddress, type ListenAddress } from '../core/index.js';

export interface AdminTls {
  readonly cert: string;
  readonly key: string;
  /** Set = a client certificate signed by one of these is required. */
  readonly clientCa?: string | undefined;
}

export interface AdminListener {
  /** Throws `address_in_use`. Resolves with the address bound. */
  listen(address: ListenAddress): Promise<AddressInfo>;
  /** Stops accepting and ends what is under way. */
  close(): Promise<void>;
}

/** A request of the admin listener, with the Node objects that it came in. */
export type AdminFetch = (request: Request, bindings: HttpBindings) => Response | Promise<Response>;

/** What is under way when the server stops is given this long. */
const CLOSE_TIMEOUT_MS = 2000;

/** Serves the admin API and the console over HTTP, or HTTPS with `tls`. */
export function createAdminListener(fetch: AdminFetch, tls: AdminTls | undefined): AdminListener {
  const server = createAdaptorServer({
    fetch: (request, bindings) => fetch(request, bindings as HttpBindings),
    overrideGlobalObjects: false,
    ...(tls === undefined
      ? { serverOptions: { insecureHTTPParser: false } }
      : {
          createServer: createTlsServer,
          serverOptions: {
            // Whatever NODE_OPTIONS says.
            insecureHTTPParser: false,
            cert: tls.cert,
            key: tls.key,
            minVersion: 'TLSv1.2',
            ...(tls.clientCa === undefined
              ? {}
              : { ca: tls.clientCa, requestCert: true, rejectUnauthorized: true }),
          },
        }),
  }) as Server;
  return {
    async listen(address) {
      await new Promise<void>((resolve, reject) => {
        // For good: an error of a later `accept` must not end the process.
        server.on('error', (error: NodeJS.ErrnoException) => {
          const why =
            error.code === 'EADDRINUSE' ? 'the address is in use' : (error.code ?? 'unknown');
          reject(
            new AppError(
              'address_in_use',
              `The admin API cannot listen on ${formatListenAddress(address)}: ${why}. Choose another with --admin-listen.`,
            ),
          );
        });
        server.listen(address, resolve);
      });
      return server.address() as AddressInfo;
    },
    async close() {
      if (!server.listening) return;
      const closed = new Promise((resolve) => server.close(resolve));
      const timer = setTimeout(() => server.closeAllConnections(), CLOSE_TIMEOUT_MS);
      server.closeIdleConnections();
      await closed;
      clearTimeout(timer);
    },
  };
}
