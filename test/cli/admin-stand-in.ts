import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface StandInAnswer {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
}

export interface StandIn {
  readonly seen: SeenRequest[];
  /** Variables that lead a command line to it. */
  readonly environment: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

/** Another program's HTTP server at the place of the admin API: for what a real one never answers. */
export async function startStandIn(
  answer: (request: SeenRequest) => StandInAnswer,
): Promise<StandIn> {
  const seen: SeenRequest[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const entry = { method, url, headers, body: Buffer.concat(chunks).toString('utf8') };
      seen.push(entry);
      const { status = 200, headers: own = {}, body } = answer(entry);
      response.writeHead(status, own);
      response.end(typeof body === 'string' ? body : JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    seen,
    environment: {
      KEYFERRY_ADMIN_URL: `http://127.0.0.1:${port}`,
      KEYFERRY_ADMIN_TOKEN: `kfa_${'x'.repeat(40)}`,
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
