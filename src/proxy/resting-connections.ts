import type { Socket } from 'node:net';

/**
 * Reads nothing from a connection for a while: to read and refuse what a client sends that does not wait as
 * Retry-After says would cost what is missing to serve others. The answer under way is not held up. By chance
 * it may be half as long: who was turned away together must not come back together.
 */
export function restConnection(socket: Socket, restMs: number): void {
  // node:http starts to read again at the end of an answer, in a later turn at the latest.
  setImmediate(pause, socket, restMs * (1 - Math.random() / 2));
}

function pause(socket: Socket, restMs: number): void {
  if (socket.destroyed || socket.isPaused()) return;
  socket.pause();
  setTimeout(wake, restMs, socket).unref();
}

function wake(socket: Socket): void {
  if (!socket.destroyed) socket.resume();
}
