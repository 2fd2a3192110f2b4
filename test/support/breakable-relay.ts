import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export interface BreakableRelay {
  readonly origin: string;
  /** Connections taken so far. */
  readonly taken: () => number;
  /** Breaks every connection, and takes none until `mend`. */
  break(): Promise<void>;
  mend(): Promise<void>;
}

/**
 * Passes connections on to a server of this machine: what is behind it can be away without being stopped, or start
 * after its address was given out.
 */
export async function startBreakableRelay(
  target: string | (() => string),
): Promise<BreakableRelay> {
  const open = new Set<Socket>();
  let taken = 0;
  const server = createServer((socket) => {
    taken += 1;
    const { port: targetPort } = new URL(typeof target === 'string' ? target : target());
    const behind = connect(Number(targetPort), '127.0.0.1');
    for (const [one, other] of [
      [socket, behind],
      [behind, socket],
    ] as const) {
      open.add(one);
      one.on('error', () => undefined);
      one.on('close', () => {
        open.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const stop = async (): Promise<void> => {
    const closed = once(server, 'close');
    server.close();
    for (const socket of open) socket.destroy();
    await closed;
  };
  onTestFinished(async () => {
    if (server.listening) await stop();
  });
  return {
    origin: `http://127.0.0.1:${port}`,
    taken: () => taken,
    break: stop,
    async mend() {
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
    },
  };
}
