import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { AppError } from '../core/index.js';

const TIMEOUT_MS = 30_000;
/** A page of a list and a secret are far smaller. */
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;

export interface JsonRequest {
  readonly url: URL;
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** PEM certificates in place of the system's authorities. */
  readonly ca?: string | undefined;
}

export interface JsonAnswer {
  readonly status: number;
  /** Undefined where it was not JSON. */
  readonly body: unknown;
}

/**
 * Sends one request and reads its JSON. Never follows a redirect: the credential would go along. Throws
 * `upstream_unreachable`, `upstream_timeout`, `response_too_large`, which repeat nothing of the answer.
 */
export function askJson({ url, method, headers, body, ca }: JsonRequest): Promise<JsonAnswer> {
  return new Promise((resolve, reject) => {
    const fail = (
      code: 'upstream_unreachable' | 'upstream_timeout' | 'response_too_large',
      what: string,
    ) => reject(new AppError(code, `${url.origin} ${what}.`));
    const send = url.protocol === 'https:' ? requestHttps : requestHttp;
    const options = { method, headers, ...(ca === undefined ? {} : { ca }) };
    const request = send(url, options, (response) => {
      const pieces: Buffer[] = [];
      let length = 0;
      response.on('data', (piece: Buffer) => {
        length += piece.length;
        pieces.push(piece);
        if (length <= MAX_ANSWER_BYTES) return;
        fail('response_too_large', `answered with more than ${MAX_ANSWER_BYTES / 1024 ** 2} MiB`);
        request.destroy();
      });
      response.on('error', () => fail('upstream_unreachable', 'broke off its answer'));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: parse(Buffer.concat(pieces)) }),
      );
    });
    const deadline = setTimeout(() => {
      fail('upstream_timeout', `did not answer within ${TIMEOUT_MS / 1000} seconds`);
      request.destroy();
    }, TIMEOUT_MS);
    request.once('close', () => clearTimeout(deadline));
    request.on('error', (error: NodeJS.ErrnoException) =>
      fail('upstream_unreachable', `cannot be reached (${error.code ?? 'no connection'})`),
    );
    request.end(body);
  });
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}

/** What stands under a key, if it is an object. */
export function member(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
}
