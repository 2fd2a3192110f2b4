import type { Socket } from 'node:net';
import { addressBlock } from './address-block.js';

export interface ConnectionLimits {
  /** From one address, or one IPv6 network of 64 bits; 0 = no limit. */
  readonly maxConnectionsPerAddress: number;
  /** How long a client may take nothing of what waits to be sent to it. */
  readonly responseIdleMs: number;
}

/** How much of the time a reader may stall passes between two looks. */
const LOOKS_PER_IDLE = 4;

/** How far a connection had come when bytes were first seen to wait. */
interface Waiting {
  written: number;
  queued: number;
  sinceMs: number;
}

/**
 * Knows the connections of clients: how many there are, how many from where, and which of them do not read what
 * is sent to them. Costs nothing per request.
 */
export class ConnectionWatch {
  readonly refused = { total: 0, address: 0 };
  stalledReaders = 0;
  readonly #limits: ConnectionLimits;
  readonly #onStalled: (socket: Socket) => void;
  readonly #open = new Set<Socket>();
  readonly #writing = new Set<Socket>();
  readonly #byAddress = new Map<string, number>();
  readonly #waiting = new Map<Socket, Waiting>();
  readonly #timer: NodeJS.Timeout;

  /** `onStalled` is to end the connection of a client that does not read. */
  constructor(limits: ConnectionLimits, onStalled: (socket: Socket) => void) {
    this.#limits = limits;
    this.#onStalled = onStalled;
    const everyMs = Math.max(1, Math.floor(limits.responseIdleMs / LOOKS_PER_IDLE));
    this.#timer = setInterval(() => this.#look(performance.now()), everyMs);
    this.#timer.unref();
  }

  get open(): number {
    return this.#open.size;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** The listener had no place for a connection. */
  dropped(): void {
    this.refused.total++;
  }

  /** To be called for each accepted connection; may close it at once. */
  accepted(socket: Socket): void {
    // Handed to the server a second time, after it had let go of it.
    if (this.#open.has(socket)) return;
    const block = addressBlock(socket.remoteAddress ?? '');
    const before = this.#byAddress.get(block) ?? 0;
    const { maxConnectionsPerAddress } = this.#limits;
    if (maxConnectionsPerAddress !== 0 && before >= maxConnectionsPerAddress) {
      this.refused.address++;
      socket.destroy();
      return;
    }
    this.#open.add(socket);
    this.#byAddress.set(block, before + 1);
    socket.once('close', () => {
      this.#open.delete(socket);
      const left = (this.#byAddress.get(block) ?? 1) - 1;
      if (left === 0) this.#byAddress.delete(block);
      else this.#byAddress.set(block, left);
    });
  }

  /** To be called for each connection that requests come on: with TLS, not the one under it. */
  ready(socket: Socket): void {
    if (this.#writing.has(socket)) return;
    this.#writing.add(socket);
    socket.once('close', () => {
      this.#writing.delete(socket);
      this.#waiting.delete(socket);
    });
  }

  #look(nowMs: number): void {
    for (const socket of this.#writing) {
      if (socket.writableLength === 0) {
        this.#waiting.delete(socket);
        continue;
      }
      const written = socket.bytesWritten;
      const queued = queuedBytes(socket);
      const known = this.#waiting.get(socket);
      if (known === undefined) {
        this.#waiting.set(socket, { written, queued, sinceMs: nowMs });
      } else if (known.written !== written || known.queued !== queued) {
        known.written = written;
        known.queued = queued;
        known.sinceMs = nowMs;
      } else if (nowMs - known.sinceMs >= this.#limits.responseIdleMs) {
        this.#waiting.delete(socket);
        this.stalledReaders++;
        this.#onStalled(socket);
      }
    }
  }
}

/** What libuv still holds: it shrinks also while a long piece is being taken. */
function queuedBytes(socket: Socket): number {
  const handle: unknown = Reflect.get(socket, '_handle');
  const size: unknown =
    typeof handle === 'object' && handle !== null ? Reflect.get(handle, 'writeQueueSize') : 0;
  return typeof size === 'number' ? size : 0;
}
