import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface StandInServer {
  readonly origin: string;
  close(): Promise<void>;
}

/** A server on loopback whose `answer` gets each request with its whole body. */
export async function listenStandIn(
  answer: (request: IncomingMessage, body: string, response: ServerResponse) => void,
): Promise<StandInServer> {
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => answer(request, Buffer.concat(pieces).toString(), response));
    request.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export function answerJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

/** The credential of a bearer header, as a service reads it. */
export function bearerOf(
  headers: Readonly<Record<string, string | string[] | undefined>>,
): string | undefined {
  const entry = Object.entries(headers).find(([name]) => name.toLowerCase() === 'authorization');
  return /^Bearer (.+)$/.exec(String(entry?.[1] ?? ''))?.[1];
}
