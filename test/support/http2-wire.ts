import { type AddressInfo, createServer, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { onTestFinished } from 'vitest';
import { TEST_CA } from './start-http2-proxy.js';

/** RFC 9113 section 6. */
export const FrameType = {
  data: 0,
  headers: 1,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const END_STREAM = 1;
export const ACK = 1;
export const END_HEADERS = 4;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Buffer | string = '',
): Buffer {
  const bytes = typeof payload === 'string' ? Buffer.from(payload, 'latin1') : payload;
  const head = Buffer.alloc(9);
  head.writeUIntBE(bytes.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, bytes]);
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Header fields in HPACK, each as a literal that no table keeps (RFC 7541 section 6.2.2). */
export function fields(pairs: readonly (readonly [name: string, value: string])[]): Buffer {
  return Buffer.concat(
    pairs.flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]),
  );
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1');
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  const length = [127];
  let rest = bytes.length - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) length.push((rest % 128) + 128);
  length.push(rest);
  return Buffer.concat([Buffer.from(length), bytes]);
}

/** The fields of a plain request. */
export function requestFields(
  path: string,
  more: readonly (readonly [string, string])[] = [],
  pseudo: Readonly<Record<string, string>> = {},
): Buffer {
  const named = { ':method': 'GET', ':scheme': 'https', ':authority': 'keyferry', ':path': path };
  return fields([...Object.entries({ ...named, ...pseudo }), ...more]);
}

/** One end of a connection of HTTP/2 that sends frames as they are given and keeps those that come. */
export class Http2Wire {
  readonly socket: Socket;
  readonly frames: Frame[] = [];
  closed = false;
  #pending = Buffer.alloc(0);
  #skip: number;
  readonly #onFrame: ((wire: Http2Wire, frame: Frame) => void) | undefined;

  /** `skip`: bytes of a preface that come first. */
  constructor(socket: Socket, skip = 0, onFrame?: (wire: Http2Wire, frame: Frame) => void) {
    this.socket = socket;
    this.#skip = skip;
    this.#onFrame = onFrame;
    socket.on('data', (piece: Buffer) => this.#read(piece));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.closed = true;
    });
  }

  send(...frames: readonly Buffer[]): this {
    if (!this.socket.destroyed) this.socket.write(Buffer.concat(frames));
    return this;
  }

  /** Waits for a frame, or for the end of the connection: then undefined. */
  async frame(wanted: (frame: Frame) => boolean): Promise<Frame | undefined> {
    for (;;) {
      const found = this.frames.find(wanted);
      if (found !== undefined || this.closed) return found;
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  /** The error code of the RST_STREAM of a stream, of GOAWAY, or undefined when the stream just ended. */
  async endOf(stream: number): Promise<{ reset?: number; goaway?: number }> {
    const end = await this.frame(
      ({ type, flags, stream: id }) =>
        type === FrameType.goaway ||
        (id === stream &&
          (type === FrameType.rstStream ||
            (type <= FrameType.headers && (flags & END_STREAM) !== 0))),
    );
    if (end?.type === FrameType.rstStream) return { reset: end.payload.readUInt32BE(0) };
    if (end?.type === FrameType.goaway) return { goaway: end.payload.readUInt32BE(4) };
    return {};
  }

  #read(piece: Buffer): void {
    const skipped = Math.min(this.#skip, piece.length);
    this.#skip -= skipped;
    this.#pending = Buffer.concat([this.#pending, piece.subarray(skipped)]);
    while (this.#pending.length >= 9) {
      const end = 9 + this.#pending.readUIntBE(0, 3);
      if (this.#pending.length < end) return;
      const found: Frame = {
        type: this.#pending.readUInt8(3),
        flags: this.#pending.readUInt8(4),
        stream: this.#pending.readUInt32BE(5),
        payload: this.#pending.subarray(9, end),
      };
      this.#pending = this.#pending.subarray(end);
      this.frames.push(found);
      if (found.type === FrameType.settings && (found.flags & ACK) === 0) {
        this.send(frame(FrameType.settings, ACK, 0));
      }
      this.#onFrame?.(this, found);
    }
  }
}

/** Connects to a listener on TLS and says the preface; closed after the test. */
export async function http2Wire(port: number): Promise<Http2Wire> {
  const socket = connectTls({ port, host: '127.0.0.1', ca: TEST_CA, ALPNProtocols: ['h2'] });
  onTestFinished(() => void socket.destroy());
  await new Promise<void>((resolve, reject) => {
    socket.once('secureConnect', () => resolve());
    socket.once('error', reject);
  });
  const wire = new Http2Wire(socket);
  socket.write(PREFACE);
  return wire.send(frame(FrameType.settings, 0, 0));
}

export interface WireUpstream {
  readonly origin: string;
  readonly port: number;
  readonly wires: Http2Wire[];
}

/** An upstream that speaks HTTP/2 with prior knowledge, frame by frame. Gone after the test. */
export async function startWireUpstream(
  onFrame: (wire: Http2Wire, frame: Frame) => void,
  settings: Buffer = Buffer.alloc(0),
): Promise<WireUpstream> {
  const wires: Http2Wire[] = [];
  const server = createServer({ noDelay: true }, (socket) => {
    const wire = new Http2Wire(socket, PREFACE.length, onFrame);
    wires.push(wire);
    wire.send(frame(FrameType.settings, 0, 0, settings));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    for (const { socket } of wires) socket.destroy();
  });
  const { port } = server.address() as AddressInfo;
  return { origin: `http://127.0.0.1:${port}`, port, wires };
}
