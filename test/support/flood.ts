import { connect, type Socket } from 'node:net';

/** What came back for the requests that were sent in a while, also when it came after it. */
export interface FloodCount {
  /** Requests that were sent. */
  readonly sent: number;
  /** Answers by status. */
  readonly answers: Readonly<Record<number, number>>;
  /** How long answers of 200 took, in milliseconds, shortest first. */
  readonly okMs: readonly number[];
  readonly seconds: number;
}

interface Lane {
  readonly socket: Socket;
  /** Monotonic; undefined while nothing is under way. */
  sentAtMs: number | undefined;
  /** What came of the answer's head; its body is only counted. */
  head: string;
  headIsWhole: boolean;
  bodyBytes: number;
}

/**
 * Connections that send one small request each at a time and look at no more than the status of its answer: so
 * cheap that one process can overload another.
 */
export class Flood {
  readonly #lanes = new Set<Lane>();
  readonly #request: Buffer;
  #free: Lane[] = [];
  #closedLoop = false;
  #sent = 0;
  #answers: Record<number, number> = {};
  #okMs: number[] = [];

  constructor(request: string) {
    this.#request = Buffer.from(request, 'latin1');
  }

  /** Opens what is missing to so many; one that sends nothing soon is closed by the server. */
  async open(port: number, connections: number): Promise<void> {
    while (this.#lanes.size < connections) {
      const batch = Math.min(100, connections - this.#lanes.size);
      await Promise.all(Array.from({ length: batch }, () => this.#openOne(port)));
    }
  }

  /** Sends on each of so many connections as soon as the answer before is there. */
  async closedLoop(connections: number, forMs: number): Promise<FloodCount> {
    this.#closedLoop = true;
    const startedAtMs = this.#begin();
    for (const lane of this.#free.splice(0, connections)) this.#send(lane);
    await new Promise((resolve) => setTimeout(resolve, forMs));
    this.#closedLoop = false;
    const seconds = (performance.now() - startedAtMs) / 1000;
    await this.#untilIdle();
    return this.#count(seconds);
  }

  /** Sends so many per second, whatever comes back, as long as a connection is free; else a request is lost. */
  async openLoop(
    perSecond: number,
    forMs: number,
  ): Promise<FloodCount & { readonly lost: number }> {
    const startedAtMs = this.#begin();
    let due = 0;
    let lost = 0;
    while (performance.now() - startedAtMs < forMs) {
      const target = Math.floor(((performance.now() - startedAtMs) * perSecond) / 1000);
      for (; due < target; due++) {
        const lane = this.#free.shift();
        if (lane === undefined) lost++;
        else this.#send(lane);
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const seconds = (performance.now() - startedAtMs) / 1000;
    await this.#untilIdle();
    return { ...this.#count(seconds), lost };
  }

  close(): void {
    for (const { socket } of this.#lanes) socket.destroy();
  }

  #openOne(port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true });
      const lane: Lane = {
        socket,
        sentAtMs: undefined,
        head: '',
        headIsWhole: false,
        bodyBytes: 0,
      };
      socket.once('error', reject);
      socket.once('connect', () => {
        this.#lanes.add(lane);
        this.#free.push(lane);
        resolve();
      });
      socket.on('data', (piece) => this.#answered(lane, piece));
      socket.on('close', () => {
        this.#lanes.delete(lane);
        this.#free = this.#free.filter((one) => one !== lane);
      });
    });
  }

  #answered(lane: Lane, piece: Buffer): void {
    if (lane.sentAtMs === undefined || !isComplete(lane, piece)) return;
    const status = Number(lane.head.slice(9, 12));
    Object.assign(lane, { head: '', headIsWhole: false, bodyBytes: 0 });
    this.#answers[status] = (this.#answers[status] ?? 0) + 1;
    if (status === 200) this.#okMs.push(performance.now() - lane.sentAtMs);
    lane.sentAtMs = undefined;
    if (this.#closedLoop) this.#send(lane);
    else this.#free.push(lane);
  }

  #send(lane: Lane): void {
    lane.sentAtMs = performance.now();
    this.#sent++;
    lane.socket.write(this.#request);
  }

  #begin(): number {
    this.#sent = 0;
    this.#answers = {};
    this.#okMs = [];
    return performance.now();
  }

  #count(seconds: number): FloodCount {
    return {
      sent: this.#sent,
      answers: { ...this.#answers },
      okMs: [...this.#okMs].sort((one, other) => one - other),
      seconds,
    };
  }

  async #untilIdle(): Promise<void> {
    while (this.#free.length < this.#lanes.size) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** Takes in a piece of an answer; true when it was the last. */
function isComplete(lane: Lane, piece: Buffer): boolean {
  if (lane.headIsWhole) {
    lane.bodyBytes += piece.length;
  } else {
    lane.head += piece.toString('latin1');
    const bodyAt = lane.head.indexOf('\r\n\r\n') + 4;
    if (bodyAt === 3) return false;
    lane.headIsWhole = true;
    lane.bodyBytes = lane.head.length - bodyAt;
    lane.head = lane.head.slice(0, bodyAt);
  }
  const length = /\r\ncontent-length: (\d+)/i.exec(lane.head)?.[1];
  if (length !== undefined) return lane.bodyBytes >= Number(length);
  // In chunks: bodies here hold no such end.
  return piece.subarray(-5).toString('latin1') === '0\r\n\r\n';
}
