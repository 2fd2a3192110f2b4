import type { Socket } from 'node:net';

/** Pipes both ways with backpressure until either side has closed: what came from it is still passed on. */
export function joinStreams(client: Socket, upstream: Socket): void {
  for (const [one, other] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    one.on('error', () => other.destroy());
    one.on('close', () => other.destroySoon());
    one.pipe(other);
  }
}
