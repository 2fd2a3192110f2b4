import { HeaderAction, type RouteShape } from '../core/index.js';
import { removeHeaders } from './remove-headers.js';

/** Looks like a client token, wherever it stands. */
const TOKEN_ANYWHERE = /kfc_[A-Za-z0-9_-]{32,}/;
/** Narrower than RFC 3986, which would let the commas of a joined list pass; empty is legal. */
const HOST = /^(?:[\w.~%-]*|\[[\da-f:.]+\])(?::\d{0,5})?$/i;
const REQUEST_ID = /^[A-Za-z0-9._~:/+=-]{1,128}$/;

/** The head of a request, sorted into what is forwarded and what decides about it. */
export class RequestHead {
  /** Headers to forward: name, value, name, value. */
  readonly kept: string[] = [];
  /** Headers that the route places in some environment: forwarded only where it does not. */
  readonly placed: string[] = [];
  token: string | undefined;
  proxyAuthorization: string | undefined;
  requestId: string | undefined;
  hosts = 0;
  /** -1 without the header. */
  contentLength = -1;
  chunked = false;
  expectsContinue = false;
  /** What makes the request malformed or ambiguous, if anything. */
  problem: string | undefined;

  get hasBody(): boolean {
    return this.chunked || this.contentLength > 0;
  }
}

/**
 * Sorts raw headers in one pass. Hop-by-hop headers (RFC 9110 section 7.6.1), every header that `Connection`
 * names, Keyferry's own and the token are left out; so is any header that holds a client token, wherever it
 * stands: a token has no business at an upstream.
 */
export function readHead(raw: readonly string[], shape: RouteShape, http11: boolean): RequestHead {
  const head = new RequestHead();
  let connection: string | undefined;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    const value = raw[i + 1] as string;
    switch (shape.actionFor(name)) {
      case HeaderAction.keep:
        if (!value.includes('kfc_') || !TOKEN_ANYWHERE.test(value)) head.kept.push(name, value);
        break;
      case HeaderAction.placed:
        head.placed.push(name, value);
        break;
      case HeaderAction.host:
        head.hosts++;
        if (value !== lastHost && !isHost(value)) head.problem = 'The Host header holds no host.';
        break;
      case HeaderAction.connection:
        connection = connection === undefined ? value : `${connection},${value}`;
        break;
      case HeaderAction.contentLength:
        readContentLength(head, name, value);
        break;
      case HeaderAction.transferEncoding:
        if (head.chunked || !http11 || value.toLowerCase() !== 'chunked') {
          head.problem = 'The only Transfer-Encoding taken is a single "chunked", on HTTP/1.1.';
        }
        head.chunked = true;
        break;
      case HeaderAction.expect:
        if (value.toLowerCase() === '100-continue') head.expectsContinue = http11;
        else head.problem = 'The only Expect taken is "100-continue".';
        break;
      case HeaderAction.requestId:
        if (REQUEST_ID.test(value) && !holdsToken(value)) head.requestId = value;
        break;
      case HeaderAction.token:
        if (head.token !== undefined) head.problem = 'Keyferry-Token is sent twice.';
        head.token = value;
        break;
      case HeaderAction.proxyAuthorization:
        if (head.proxyAuthorization !== undefined) {
          head.problem = 'Proxy-Authorization is sent twice.';
        }
        head.proxyAuthorization = value;
        break;
      case HeaderAction.ambiguousFraming:
        head.problem = `A header spelt "${name}" may pass for Content-Length or Transfer-Encoding.`;
        break;
      default:
        break;
    }
  }
  if (head.hosts > 1) head.problem = 'The Host header is sent more than once.';
  else if (head.hosts === 0 && http11) head.problem = 'HTTP/1.1 requires a Host header.';
  if (head.chunked && head.contentLength !== -1) {
    head.problem = 'Content-Length and Transfer-Encoding exclude each other.';
  }
  if (connection !== undefined) removeNamed(head, connection);
  return head;
}

/** Most requests of a process name the same one. */
let lastHost = '';

/** RFC 9112 section 3.2: a Host that is no host, with or without port, makes the request malformed. */
function isHost(value: string): boolean {
  if (!HOST.test(value)) return false;
  lastHost = value;
  return true;
}

function readContentLength(head: RequestHead, name: string, value: string): void {
  if (head.contentLength !== -1 || !/^[0-9]{1,15}$/.test(value)) {
    head.problem = 'Content-Length must be one number.';
    return;
  }
  head.contentLength = Number(value);
  head.kept.push(name, value);
}

/** RFC 9110 section 7.6.1: a header that `Connection` names is for this hop only. */
function removeNamed(head: RequestHead, connection: string): void {
  if (/^(?:keep-alive|close|upgrade)$/i.test(connection)) return;
  const named = new Set(connection.split(',').map((token) => token.trim().toLowerCase()));
  // Without its length a body would end elsewhere than the client said.
  named.delete('content-length');
  removeHeaders(head.kept, named);
  removeHeaders(head.placed, named);
}

/** Whether text holds something that looks like a client token. */
export function holdsToken(text: string): boolean {
  return text.includes('kfc_') && TOKEN_ANYWHERE.test(text);
}

/** The first Host header as it came. */
export function hostOf(raw: readonly string[]): string | undefined {
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    if (name.length === 4 && name.toLowerCase() === 'host') return raw[i + 1];
  }
  return undefined;
}
