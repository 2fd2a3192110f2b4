import { type AddressInfo, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** One connection that the proxy made. */
export interface RawConnection {
  readonly socket: Socket;
  /** Everything received, one character per byte. */
  received: string;
  closed: boolean;
}

export interface RawUpstream {
  readonly origin: string;
  readonly port: number;
  readonly connections: RawConnection[];
  /** Everything received on all connections. */
  readonly received: string;
  /** From now on no connection is accepted. */
  stopListening(): void;
}

/**
 * An upstream that speaks bytes: `onHead` is called with each request head that is complete (bodies are not
 * looked at beyond Content-Length), and writes what it wants. Gone after the test.
 */
export async function startRawUpstream(
  onHead: (connection: RawConnection, head: string) => void,
  options: { readonly onConnection?: (connection: RawConnection) => void } = {},
): Promise<RawUpstream> {
  const connections: RawConnection[] = [];
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const connection: RawConnection = { socket, received: '', closed: false };
    connections.push(connection);
    options.onConnection?.(connection);
    let pending = '';
    let skip = 0;
    socket.on('data', (piece) => {
      const text = piece.toString('latin1');
      connection.received += text;
      pending += text;
      for (;;) {
        const skipped = Math.min(skip, pending.length);
        pending = pending.slice(skipped);
        skip -= skipped;
        const end = pending.indexOf('\r\n\r\n');
        if (skip > 0 || end === -1) return;
        const head = pending.slice(0, end + 4);
        pending = pending.slice(end + 4);
        skip = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
        onHead(connection, head);
      }
    });
    socket.on('end', () => socket.end());
    socket.on('error', () => undefined);
    socket.on('close', () => {
      connection.closed = true;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    for (const { socket } of connections) socket.destroy();
  });
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    port,
    connections,
    stopListening: () => void server.close(),
    get received() {
      return connections.map((connection) => connection.received).join('');
    },
  };
}

/** Polls until a condition holds; a test that never gets there fails by its time limit. */
export async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}
