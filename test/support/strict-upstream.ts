import { type AddressInfo, createServer, type Socket } from 'node:net';

/** One request as its bytes say, by the grammar of RFC 9112 and nothing more lenient. */
export interface StrictRequest {
  readonly method: string;
  readonly target: string;
  /** Request line and headers as they came, one character per byte. */
  readonly head: string;
  /** In order, names in lower case. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
  /** Number of its connection, from 0. */
  readonly connection: number;
  readonly closes: boolean;
}

const REQUEST_LINE = /^([A-Z-]+) (\/[\x21-\x7e]*) HTTP\/1\.1$/;
const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([\t\x20-\x7e\x80-\xff]*)$/;
const CHUNK_SIZE = /^[0-9a-f]{1,8}$/i;

/** Takes the requests off a stream of bytes; throws what is wrong with it at the first byte out of place. */
export class StrictReader {
  /** Requests whose head was read and whose body was not, yet: 0 or 1. */
  begun = 0;
  readonly #connection: number;
  #pending = '';
  #head: Omit<StrictRequest, 'body'> | undefined;
  #body = '';
  /** Bytes of the body still to come; -1 = in chunks. */
  #left = 0;
  #closed = false;

  constructor(connection: number) {
    this.#connection = connection;
  }

  read(text: string): StrictRequest[] {
    this.#pending += text;
    const requests: StrictRequest[] = [];
    for (;;) {
      if (this.#closed && this.#pending !== '') throw new Error('bytes after Connection: close');
      if (this.#head === undefined && !this.#readHead()) return requests;
      if (!this.#readBody()) return requests;
      const head = this.#head as Omit<StrictRequest, 'body'>;
      requests.push({ ...head, body: this.#body });
      this.#head = undefined;
      this.#body = '';
      this.begun = 0;
      this.#closed = head.closes;
    }
  }

  #readHead(): boolean {
    const end = this.#pending.indexOf('\r\n\r\n');
    if (end === -1) return false;
    const head = this.#pending.slice(0, end);
    this.#pending = this.#pending.slice(end + 4);
    const [first = '', ...lines] = head.split('\r\n');
    const requestLine = REQUEST_LINE.exec(first);
    if (requestLine === null) throw new Error(`no request line: ${JSON.stringify(first)}`);
    const headers = lines.map((line) => {
      const field = FIELD.exec(line);
      if (field === null) throw new Error(`no header: ${JSON.stringify(line)}`);
      return [field[1]?.toLowerCase() ?? '', field[2] ?? ''] as const;
    });
    const all = (name: string) => headers.filter((one) => one[0] === name).map((one) => one[1]);
    const [lengths, codings] = [all('content-length'), all('transfer-encoding')];
    if (all('host').length !== 1) throw new Error('not one Host');
    if (lengths.length + codings.length > 1) throw new Error('ambiguous framing');
    if (lengths.some((length) => !/^(?:0|[1-9]\d{0,9})$/.test(length)))
      throw new Error('bad length');
    if (codings.some((coding) => coding !== 'chunked')) throw new Error('bad coding');
    this.#left = codings.length === 1 ? -1 : Number(lengths[0] ?? 0);
    this.#head = {
      method: requestLine[1] ?? '',
      target: requestLine[2] ?? '',
      head,
      headers,
      connection: this.#connection,
      closes: all('connection').includes('close'),
    };
    this.begun = 1;
    return true;
  }

  #readBody(): boolean {
    if (this.#left === -1) return this.#readChunks();
    if (this.#pending.length < this.#left) return false;
    this.#body = this.#take(this.#left);
    return true;
  }

  #readChunks(): boolean {
    for (;;) {
      const lineEnd = this.#pending.indexOf('\r\n');
      if (lineEnd === -1) return false;
      const line = this.#pending.slice(0, lineEnd);
      if (!CHUNK_SIZE.test(line)) throw new Error(`no chunk size: ${JSON.stringify(line)}`);
      const size = Number.parseInt(line, 16);
      const length = lineEnd + 2 + size + 2;
      if (this.#pending.length < length) return false;
      const chunk = this.#take(length);
      if (!chunk.endsWith('\r\n')) throw new Error('no line end after a chunk');
      this.#body += chunk.slice(lineEnd + 2, -2);
      if (size === 0) return true;
    }
  }

  #take(length: number): string {
    const taken = this.#pending.slice(0, length);
    this.#pending = this.#pending.slice(length);
    return taken;
  }
}

export interface StrictUpstream {
  readonly origin: string;
  readonly host: string;
  /** Requests that came whole. */
  readonly requests: number;
  /** Requests that their connection ended within. */
  readonly broken: number;
  readonly connections: number;
  /** What came that was no HTTP/1.1. */
  readonly violations: readonly string[];
  close(): void;
}

/** An upstream that answers each request 200 with the text that `answer` gives, and takes nothing but strict HTTP. */
export async function openStrictUpstream(
  answer: (request: StrictRequest) => string,
): Promise<StrictUpstream> {
  const sockets = new Set<Socket>();
  const violations: string[] = [];
  let [requests, broken, connections] = [0, 0, 0];
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    const reader = new StrictReader(connections++);
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      try {
        let out = '';
        for (const request of reader.read(text)) {
          requests++;
          const text = answer(request);
          const body = request.method === 'HEAD' ? '' : text;
          out += `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
        }
        if (out !== '') socket.write(out, 'latin1');
      } catch (error) {
        violations.push(String(error));
        socket.destroy();
      }
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      broken += reader.begun;
      sockets.delete(socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    origin: `http://${host}`,
    host,
    violations,
    get requests() {
      return requests;
    },
    get broken() {
      return broken;
    },
    get connections() {
      return connections;
    },
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
