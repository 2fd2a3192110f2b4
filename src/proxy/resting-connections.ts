import type { Socket } from 'node:net';

/** Refusing so many per second takes a few hundredths of the process, whatever it serves beside them. */
const REFUSED_PER_SECOND = 100;
const MAX_WAIT_SECONDS = 10;

/**
 * Connections that are not read for a while: to read and refuse what a client sends that does not wait as
 * Retry-After says would cost what is missing to serve others.
 */
export class RestingConnections {
  #count = 0;

  /**
   * What the next one is to wait: the longer the more rest, so that those who come back, and who are refused again
   * while there is too much to do, never take more than a small share of it.
   */
  get waitSeconds(): number {
    return Math.min(1 + Math.floor(this.#count / REFUSED_PER_SECOND), MAX_WAIT_SECONDS);
  }

  /**
   * The answer under way is not held up. By chance a rest may be half as long: who was turned away together must not
   * come back together.
   */
  rest(socket: Socket, seconds: number): void {
    // node:http starts to read again at the end of an answer, in a later turn at the latest.
    setImmediate(pause, this, socket, seconds * 1000 * (1 - Math.random() / 2));
  }

  pause(socket: Socket, restMs: number): void {
    if (socket.destroyed || socket.isPaused()) return;
    socket.pause();
    this.#count++;
    setTimeout(wake, restMs, this, socket).unref();
  }

  wake(socket: Socket): void {
    this.#count--;
    if (!socket.destroyed) socket.resume();
  }
}

function pause(resting: RestingConnections, socket: Socket, restMs: number): void {
  resting.pause(socket, restMs);
}

function wake(resting: RestingConnections, socket: Socket): void {
  resting.wake(socket);
}
