import { connect, type Socket } from 'node:net';

export interface Answer {
  readonly status: number;
  readonly body: string;
  /** It said that its connection ends. */
  readonly closes: boolean;
}

/** A quick client for campaigns: sends bytes, and takes answers with Content-Length one by one. */
export class AnswerReader {
  readonly #socket: Socket;
  #received = '';
  #closed = false;
  #wake: () => void = () => undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      this.#received += text;
      this.#wake();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#closed = true;
      this.#wake();
    });
  }

  static async connect(port: number): Promise<AnswerReader> {
    const socket = connect({ port, host: '127.0.0.1' });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return new AnswerReader(socket);
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** What came and was not taken. */
  get rest(): string {
    return this.#received;
  }

  send(text: string): void {
    this.#socket.write(text, 'latin1');
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** The next final answer; undefined when the connection ended before it was whole. */
  async answer(): Promise<Answer | undefined> {
    for (;;) {
      const end = this.#received.indexOf('\r\n\r\n');
      const head = end === -1 ? '' : this.#received.slice(0, end + 2);
      const status = Number(head.slice(9, 12));
      const length = Number(/\r\ncontent-length: (\d+)\r\n/i.exec(head)?.[1] ?? 0);
      if (end !== -1 && this.#received.length >= end + 4 + length) {
        const body = this.#received.slice(end + 4, end + 4 + length);
        this.#received = this.#received.slice(end + 4 + length);
        if (status < 200) continue;
        return { status, body, closes: /\r\nconnection: close\r\n/i.test(head) };
      }
      if (this.#closed) return undefined;
      await this.#more();
    }
  }

  async untilClosed(): Promise<void> {
    while (!this.#closed) await this.#more();
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
