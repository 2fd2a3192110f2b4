import { type ClientRequest, request } from 'node:http';

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly trailers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
  /** False when the connection broke before the end of the response. */
  readonly complete: boolean;
}

export interface SendOptions {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string | number>>;
  /** With its length; pieces go in chunks. */
  readonly body?: string | Buffer | readonly (string | Buffer)[];
  /** Told of the request before its body is written. */
  readonly onRequest?: (outgoing: ClientRequest) => void;
  /** Waited for before each piece of the body. */
  readonly pace?: (index: number) => Promise<void> | void;
}

/** One request of HTTP/1.1 on a connection of its own, its answer read to the end. */
export function sendRequest(
  { port, token }: { readonly port: number; readonly token: string },
  { method, path = '/api/things?a=1', headers = {}, body, onRequest, pace }: SendOptions = {},
): Promise<Reply> {
  const inChunks = Array.isArray(body);
  const unchunked = body === undefined ? {} : { 'content-length': body.length };
  const framing = inChunks ? { 'transfer-encoding': 'chunked' } : unchunked;
  const outgoing = request({
    port,
    path,
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    headers: { 'keyferry-token': token, ...framing, ...headers },
    agent: false,
  });
  onRequest?.(outgoing);
  const write = async (): Promise<void> => {
    for (const [index, piece] of (inChunks ? body : []).entries()) {
      await pace?.(index);
      outgoing.write(piece);
    }
    await pace?.(-1);
    outgoing.end(inChunks || body === undefined ? undefined : body);
  };
  return new Promise((resolve, reject) => {
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      let text = '';
      response.on('data', (piece: Buffer) => {
        text += piece.toString('latin1');
      });
      response.on('error', () => undefined);
      response.on('close', () => {
        const { statusCode = 0, headers: found, trailers, complete } = response;
        resolve({ status: statusCode, headers: found, trailers, body: text, complete });
      });
    });
    write().catch(reject);
  });
}
