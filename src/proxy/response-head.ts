import { AppError } from '../core/index.js';
import { removeHeaders } from './remove-headers.js';

/** RFC 9110 section 7.6.1, and what is Keyferry's own: an upstream must not speak in its name. */
const DROPPED = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'upgrade',
]);

const Action = {
  keep: 0,
  drop: 1,
  connection: 2,
  requestId: 3,
  date: 4,
  transferEncoding: 5,
  contentLength: 6,
} as const;
type Action = (typeof Action)[keyof typeof Action];

/** Spellings remembered; an upstream that makes up names cannot fill memory. */
const MAX_SPELLINGS = 2048;
const actions = new Map<string, Action>();

/** By length of the name: whether any name of that length needs a look. Most have none, and hashing costs. */
const LENGTHS = new Uint8Array(256);
for (const name of [...DROPPED, 'x-request-id', 'date', 'transfer-encoding', 'content-length']) {
  LENGTHS[name.length] = 1;
}

function actionFor(name: string): Action {
  // "k" and "K": names of Keyferry's own may have any length.
  if (LENGTHS[name.length] === 0 && (name.charCodeAt(0) | 0x20) !== 0x6b) return Action.keep;
  const known = actions.get(name);
  if (known !== undefined) return known;
  const action = decide(name.toLowerCase());
  if (actions.size < MAX_SPELLINGS) actions.set(name, action);
  return action;
}

function decide(name: string): Action {
  if (name === 'connection') return Action.connection;
  if (name === 'x-request-id') return Action.requestId;
  if (name === 'date') return Action.date;
  if (name === 'content-length') return Action.contentLength;
  if (name === 'transfer-encoding') return Action.transferEncoding;
  return DROPPED.has(name) || name.replaceAll('_', '-').startsWith('keyferry-')
    ? Action.drop
    : Action.keep;
}

const SHORT_LENGTH_DIGITS = 5;

export interface ResponseHead {
  /** Name, value, name, value. */
  readonly headers: string[];
  readonly hasRequestId: boolean;
  readonly hasDate: boolean;
  /** The body is known to be shorter than 100,000 bytes: it comes with its head, or soon after. */
  readonly isShort: boolean;
}

/**
 * Sorts an upstream's raw response headers: hop-by-hop ones are left out, the rest passes as it came. Throws
 * `upstream_protocol_error` for a Transfer-Encoding that cannot be passed on.
 */
export function readResponseHead(raw: readonly Uint8Array[]): ResponseHead {
  const headers: string[] = [];
  let connection: string | undefined;
  let hasRequestId = false;
  let hasDate = false;
  let isShort = false;
  let isChunked = false;
  for (let i = 0; i < raw.length; i += 2) {
    const name = (raw[i] as Buffer).toString('latin1');
    const action = actionFor(name);
    if (action === Action.drop) continue;
    const value = (raw[i + 1] as Buffer).toString('latin1');
    if (action === Action.connection) {
      connection = connection === undefined ? value : `${connection},${value}`;
      continue;
    }
    if (action === Action.transferEncoding) {
      if (isChunked || value.toLowerCase() !== 'chunked') throw unknownCoding();
      isChunked = true;
      continue;
    }
    if (action === Action.requestId) hasRequestId = true;
    else if (action === Action.date) hasDate = true;
    else if (action === Action.contentLength) isShort = value.length <= SHORT_LENGTH_DIGITS;
    headers.push(name, value);
  }
  if (connection !== undefined) removeNamed(headers, connection);
  return { headers, hasRequestId, hasDate, isShort };
}

/** What RFC 9112 section 4 forbids in a reason phrase, but undici passes. */
const CONTROLS = /[^\P{Cc}\t]/u;
/** undici reads the reason as UTF-8; what was none, or is beyond a byte, cannot be written again. */
const UNWRITABLE = /[^\t\x20-\xff]/;

/** The reason phrase to pass on; empty where it cannot be. Throws `upstream_protocol_error` for controls. */
export function readReason(reason: string | undefined): string {
  if (reason === undefined || reason === 'OK') return reason ?? '';
  if (CONTROLS.test(reason)) {
    const detail = 'The upstream sent a control character in its status line.';
    throw new AppError('upstream_protocol_error', detail);
  }
  return UNWRITABLE.test(reason) ? '' : reason;
}

/** Without the header, which is for this hop, a body in another coding could not be read by the client. */
function unknownCoding(): AppError {
  const detail = 'The upstream sent a Transfer-Encoding other than a single "chunked".';
  return new AppError('upstream_protocol_error', detail);
}

/** Without these nobody knows what a body is, or where it ends. */
const SAYS_HOW_TO_READ = ['content-length', 'content-type', 'content-encoding'];

function removeNamed(headers: string[], connection: string): void {
  if (/^(?:keep-alive|close)$/i.test(connection)) return;
  const named = new Set(connection.split(',').map((token) => token.trim().toLowerCase()));
  for (const name of SAYS_HOW_TO_READ) named.delete(name);
  removeHeaders(headers, named);
}

/** Trailer fields as pairs, without those that would change framing or routing (RFC 9110 section 6.5.1). */
export function readTrailers(raw: readonly Uint8Array[]): [name: string, value: string][] {
  const trailers: [string, string][] = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = (raw[i] as Buffer).toString('latin1');
    if (actionFor(name) !== Action.keep) continue;
    trailers.push([name, (raw[i + 1] as Buffer).toString('latin1')]);
  }
  return trailers;
}
