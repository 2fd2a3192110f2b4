import { rootCertificates } from 'node:tls';
import { Client, type Dispatcher } from 'undici';
import {
  AppError,
  type Outbound,
  type OutboundAnswer,
  type OutboundRequest,
} from '../core/index.js';
import {
  guardedLookup,
  isDeniedAddress,
  isLoopbackAddress,
  type ResolveAll,
} from './guard-address.js';
import { type AddressGuard, guardedConnector, isConnectionFailing } from './guarded-connector.js';
import { translateError } from './translate-error.js';

const MAX_RESPONSE_BYTES = 1024 * 1024;

/**
 * Sends requests of Keyferry's own, each on a connection of its own: whether anything of it left is known by whether
 * there was a connection. Tests give their own `resolveAll`.
 */
export function createOutbound(options: { readonly resolveAll?: ResolveAll } = {}): Outbound {
  return {
    send: (request) =>
      new Promise((resolve, reject) => {
        new OutboundCall(request, resolve, reject).begin(options.resolveAll);
      }),
  };
}

class OutboundCall implements Dispatcher.DispatchHandler {
  readonly #request: OutboundRequest;
  readonly #resolve: (answer: OutboundAnswer) => void;
  readonly #reject: (error: AppError) => void;
  readonly #pieces: Buffer[] = [];
  #client: Client | undefined;
  #timer: NodeJS.Timeout | undefined;
  #sent = false;
  #status = 0;
  #headers: Readonly<Record<string, string>> = {};
  #bytes = 0;
  #over = false;

  constructor(
    request: OutboundRequest,
    resolve: (answer: OutboundAnswer) => void,
    reject: (error: AppError) => void,
  ) {
    this.#request = request;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  begin(resolveAll: ResolveAll | undefined): void {
    const { method, body, timeoutMs, signal } = this.#request;
    try {
      const url = readUrl(this.#request.url);
      if (signal?.aborted === true) {
        this.#ranOut();
        return;
      }
      this.#timer = setTimeout(this.#ranOut, timeoutMs);
      signal?.addEventListener('abort', this.#ranOut);
      this.#client = this.#open(url, resolveAll);
      const path = url.pathname + url.search;
      const headers = headersOf(this.#request);
      // Asks for the connection to be closed, too.
      this.#client.dispatch({ path, method, headers, body: body ?? null, reset: true }, this);
    } catch (error) {
      this.#fail(this.#toAppError(error));
    }
  }

  onRequestStart(): void {}

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): void {
    this.#status = status;
    const joined = Object.entries(headers).map(([name, value]) => {
      return [name.toLowerCase(), Array.isArray(value) ? value.join(', ') : (value ?? '')];
    });
    this.#headers = Object.fromEntries(joined);
  }

  onResponseData(_controller: Dispatcher.DispatchController, piece: Buffer): void {
    const { maxResponseBytes = MAX_RESPONSE_BYTES } = this.#request;
    this.#bytes += piece.length;
    if (this.#bytes > maxResponseBytes) {
      const detail = `The response is longer than the ${maxResponseBytes} bytes that are taken.`;
      this.#fail(new AppError('response_too_large', detail));
    } else if (!this.#over) {
      this.#pieces.push(piece);
    }
  }

  onResponseEnd(): void {
    if (this.#over) return;
    if (isConnectionFailing()) {
      this.#fail(brokenOff());
      return;
    }
    this.#end();
    const body = Buffer.concat(this.#pieces);
    this.#resolve({ status: this.#status, headers: this.#headers, body });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#fail(this.#toAppError(error));
  }

  readonly #ranOut = (): void => {
    const what =
      this.#request.signal?.aborted === true
        ? 'It was broken off'
        : `It took longer than ${this.#request.timeoutMs} ms`;
    this.#fail(
      this.#sent
        ? new AppError(
            'upstream_timeout',
            `${what} after it was sent, before the whole answer came.`,
          )
        : new AppError('upstream_unreachable', `${what} before there was a connection.`),
    );
  };

  #open(url: URL, resolveAll: ResolveAll | undefined): Client {
    const { timeoutMs, ca, allowPrivateNetwork = false } = this.#request;
    const connect = guardedConnector({
      // The timer of the whole comes first.
      connectMs: timeoutMs + 1000,
      guard: guardOf(url.protocol, allowPrivateNetwork, resolveAll),
      ca: ca === undefined ? undefined : [...rootCertificates, ca],
      serverName: undefined,
    });
    return new Client(url.origin, {
      pipelining: 1,
      allowH2: false,
      // One time limit covers all.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: (options, callback) => {
        // undici opens another connection where the first one ended before it wrote: that counts as sent.
        if (this.#sent) return callback(brokenOff(), null);
        connect(options, (...result) => {
          this.#sent = result[0] === null;
          callback(...result);
        });
      },
    });
  }

  /** What is not known to have been held back may have arrived. */
  #toAppError(error: unknown): AppError {
    if (error instanceof AppError) return error;
    const translated = translateError(error, this.#sent);
    const { code, message } = translated;
    if (code === 'upstream_address_denied') return addressDenied(this.#request.url, error);
    if (this.#sent) return code === 'upstream_unreachable' ? brokenOff(error) : translated;
    if (code === 'upstream_unreachable') return translated;
    return new AppError('upstream_unreachable', `Nothing was sent. ${message}`, { cause: error });
  }

  #fail(error: AppError): void {
    if (this.#over) return;
    this.#end();
    this.#reject(error);
  }

  #end(): void {
    this.#over = true;
    clearTimeout(this.#timer);
    this.#request.signal?.removeEventListener('abort', this.#ranOut);
    void this.#client?.destroy();
  }
}

function readUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new AppError('upstream_unreachable', 'A URL that begins with https:// is expected.');
  }
  if (url.username !== '' || url.password !== '') {
    const detail = 'A user name or password does not belong in a URL.';
    throw new AppError('upstream_unreachable', detail);
  }
  return url;
}

/** As for routes, loopback is allowed where private addresses are; `http:` goes nowhere else. */
function guardOf(
  protocol: string,
  allowPrivateNetwork: boolean,
  resolveAll: ResolveAll | undefined,
): AddressGuard | undefined {
  const isInClear = protocol === 'http:';
  if (allowPrivateNetwork && !isInClear) return undefined;
  const isDenied = (address: string): boolean =>
    (isInClear && !isLoopbackAddress(address)) ||
    (!allowPrivateNetwork && isDeniedAddress(address));
  return { isDenied, lookup: guardedLookup(resolveAll, isDenied) };
}

function headersOf({ headers = {} }: OutboundRequest): Record<string, string> {
  const given = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
  return {
    'user-agent': 'Keyferry',
    'accept-encoding': 'identity',
    ...Object.fromEntries(given),
  };
}

function brokenOff(cause?: unknown): AppError {
  const detail = 'The connection broke before the whole answer came.';
  return new AppError('upstream_protocol_error', detail, { cause });
}

function addressDenied(url: string, cause: unknown): AppError {
  const detail = url.toLowerCase().startsWith('http:')
    ? '"http:" is sent to loopback alone, and only where "allowPrivateNetwork" is true: write https:, or set it.'
    : 'The name resolves to a private, loopback, link-local or reserved address. If that is meant, set "allowPrivateNetwork": true.';
  return new AppError('upstream_address_denied', detail, { cause });
}
