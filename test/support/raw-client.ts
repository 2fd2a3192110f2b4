import { connect, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { onTestFinished } from 'vitest';

export interface RawResponse {
  readonly status: number;
  readonly statusLine: string;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  /** Lines as they came. */
  readonly headerLines: readonly string[];
  /** Decoded, one character per byte. */
  readonly body: string;
  readonly trailers: Readonly<Record<string, string>>;
  /** False when the connection closed before the framing said that the body is complete. */
  readonly complete: boolean;
}

/** A connection that sends bytes as they are given and takes answers apart without any HTTP library. */
export class RawClient {
  readonly socket: Socket;
  received = '';
  /** How the other side closed: not yet, by FIN, or by RST. */
  closed: 'open' | 'end' | 'reset' = 'open';
  #wake: () => void = () => undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (piece: Buffer) => {
      this.received += piece.toString('latin1');
      this.#wake();
    });
    // libuv reports a reset that comes together with data as an end; Linux then knows no peer any more.
    socket.on('end', () => this.#close(socket.remoteAddress === undefined ? 'reset' : 'end'));
    socket.on('error', () => this.#close('reset'));
    socket.on('close', () => this.#close('end'));
  }

  send(text: string): this {
    this.socket.write(text, 'latin1');
    return this;
  }

  /** Waits until what was received satisfies the condition, or the connection is closed. */
  async until(condition: (received: string) => boolean): Promise<string> {
    while (!condition(this.received) && this.closed === 'open') await this.#more();
    return this.received;
  }

  async untilClosed(): Promise<'end' | 'reset'> {
    while (this.closed === 'open') await this.#more();
    return this.closed;
  }

  /** Takes the next response off what was received. Interim ones (1xx) are responses of their own. */
  async response(method = 'GET'): Promise<RawResponse> {
    await this.until((text) => text.includes('\r\n\r\n'));
    const headEnd = this.received.indexOf('\r\n\r\n');
    if (headEnd === -1)
      throw new Error(`closed (${this.closed}) after ${JSON.stringify(this.received)}`);
    const [statusLine = '', ...headerLines] = this.received.slice(0, headEnd).split('\r\n');
    this.received = this.received.slice(headEnd + 4);
    const status = Number(statusLine.split(' ')[1]);
    const headers = fieldsOf(headerLines);
    const head = { status, statusLine, headers, headerLines };
    if (method === 'HEAD' || status < 200 || status === 204 || status === 304) {
      return { ...head, body: '', trailers: {}, complete: true };
    }
    if (headers['transfer-encoding'] !== undefined) return { ...head, ...(await this.#chunks()) };
    const length = headers['content-length'];
    if (length === undefined) {
      await this.untilClosed();
      return {
        ...head,
        body: this.#take(this.received.length),
        trailers: {},
        complete: this.closed === 'end',
      };
    }
    await this.until((text) => text.length >= Number(length));
    const complete = this.received.length >= Number(length);
    return { ...head, body: this.#take(Number(length)), trailers: {}, complete };
  }

  async #chunks(): Promise<Pick<RawResponse, 'body' | 'trailers' | 'complete'>> {
    let body = '';
    for (;;) {
      await this.until((text) => text.includes('\r\n'));
      const lineEnd = this.received.indexOf('\r\n');
      if (lineEnd === -1) return { body, trailers: {}, complete: false };
      const size = Number.parseInt(this.received.slice(0, lineEnd), 16);
      if (size === 0) break;
      const needed = lineEnd + 2 + size + 2;
      await this.until((text) => text.length >= needed);
      if (this.received.length < needed) return { body, trailers: {}, complete: false };
      body += this.received.slice(lineEnd + 2, needed - 2);
      this.#take(needed);
    }
    await this.until((text) => text.startsWith('0\r\n\r\n') || text.includes('\r\n\r\n'));
    const end = this.received.indexOf('\r\n\r\n');
    const trailers = fieldsOf(
      this.#take(end + 4)
        .split('\r\n')
        .slice(1, -2),
    );
    return { body, trailers, complete: end !== -1 };
  }

  #take(length: number): string {
    const taken = this.received.slice(0, length);
    this.received = this.received.slice(length);
    return taken;
  }

  #close(how: 'end' | 'reset'): void {
    if (this.closed === 'open') this.closed = how;
    this.#wake();
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

function fieldsOf(lines: readonly string[]): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon === -1) continue;
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    fields[name] = name in fields ? `${fields[name]}, ${value}` : value;
  }
  return fields;
}

/** Connects to a port of loopback; closed after the test. */
export async function rawClient(
  port: number,
  options: { readonly tls?: ConnectionOptions; readonly host?: string } = {},
): Promise<RawClient> {
  const { host = '127.0.0.1', tls } = options;
  const socket =
    tls === undefined
      ? connect({ port, host, allowHalfOpen: true })
      : connectTls({ port, host, ...tls });
  onTestFinished(() => void socket.destroy());
  await new Promise<void>((resolve, reject) => {
    socket.once(tls === undefined ? 'connect' : 'secureConnect', () => resolve());
    socket.once('error', reject);
  });
  return new RawClient(socket);
}

/** The head of a request with a token, ready to send. */
export function requestHead(
  method: string,
  target: string,
  token: string,
  headers: readonly string[] = [],
): string {
  const lines = [`${method} ${target} HTTP/1.1`, 'Host: keyferry', `Keyferry-Token: ${token}`];
  return `${[...lines, ...headers].join('\r\n')}\r\n\r\n`;
}
