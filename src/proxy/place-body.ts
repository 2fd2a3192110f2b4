import { Readable } from 'node:stream';
import { AppError, type PlacedBody } from '../core/index.js';
import { FormEditor } from './edit-form.js';
import { JsonEditor } from './edit-json.js';
import type { Exchange } from './exchange.js';
import { type GatherLimit, gatherBody, tooLargeToGather } from './gather-body.js';
import { headerValues, type OutgoingRequest } from './outgoing-request.js';
import { removeHeaders } from './remove-headers.js';

const JSON_TYPE = /^(?:application\/(?:[\w.!#$&^+-]+\+)?json|text\/json)$/i;
const FORM_TYPE = /^application\/x-www-form-urlencoded$/i;
const UTF8_CHARSET = /^charset="?utf-?8"?$/i;

/** Its length, and digests of what it was: RFC 9530, and the older ones. */
const OF_THE_OLD_BODY: ReadonlySet<string> = new Set([
  'content-length',
  'content-digest',
  'content-md5',
  'digest',
  'repr-digest',
  'x-amz-content-sha256',
]);

/**
 * Sets the placed fields in the body of a request, which is gathered for it: only then it is known whether it
 * can be sent at all. `open` is called before the body is read. Throws `request_rejected` for a body of another
 * kind or one that cannot be read for certain, `request_too_large` past the limit.
 */
export async function placeBody(
  placed: PlacedBody,
  outgoing: OutgoingRequest,
  exchange: Exchange,
  announcedBytes: number,
  open: () => void,
): Promise<void> {
  const kind = kindOf(placed, outgoing.headers);
  const limit: GatherLimit = { option: 'body.maxBytes', maxBytes: placed.maxBytes };
  if (announcedBytes > limit.maxBytes) throw tooLargeToGather(limit);
  const { json, form } = placed;
  if (kind === 'json' && json !== undefined) {
    const editor = new JsonEditor(json);
    const whole = await gather(outgoing, exchange, limit, open, (piece) => editor.push(piece));
    outgoing.body = editor.end(whole);
  } else {
    const editor = new FormEditor(placed.formNames);
    await gather(outgoing, exchange, limit, open, (piece) => editor.push(piece));
    outgoing.body = editor.end(form ?? '');
  }
  removeHeaders(outgoing.headers, OF_THE_OLD_BODY);
  outgoing.headers.push('Content-Length', String(outgoing.body.length));
}

async function gather(
  { body }: OutgoingRequest,
  exchange: Exchange,
  limit: GatherLimit,
  open: () => void,
  onPiece: (piece: Buffer) => void,
): Promise<Buffer> {
  if (!(body instanceof Readable)) return Buffer.alloc(0);
  open();
  return gatherBody(exchange, body, limit, onPiece);
}

function kindOf({ json, form }: PlacedBody, headers: readonly string[]): 'json' | 'form' {
  const expected = [
    ...(json === undefined ? [] : ['application/json']),
    ...(form === undefined ? [] : ['application/x-www-form-urlencoded']),
  ].join(' or ');
  const encodings = headerValues(headers, 'content-encoding');
  if (encodings.some((encoding) => !/^(?:identity)?$/i.test(encoding.trim()))) {
    throw refusal(
      'The body has a Content-Encoding, and this route sets fields in it: send it plain.',
    );
  }
  const [type = '', ...more] = headerValues(headers, 'content-type');
  const [essence = '', ...parameters] = type.split(';').map((part) => part.trim());
  const charsets = parameters.filter((parameter) => /^charset=/i.test(parameter));
  if (more.length > 0 || charsets.some((charset) => !UTF8_CHARSET.test(charset))) {
    throw refusal(`This route sets fields in the body: one Content-Type, in UTF-8, is expected.`);
  }
  if (json !== undefined && JSON_TYPE.test(essence)) return 'json';
  if (form !== undefined && FORM_TYPE.test(essence)) return 'form';
  throw refusal(`This route sets fields in the body: a body of ${expected} is expected.`);
}

function refusal(detail: string): AppError {
  return new AppError('request_rejected', `${detail} Nothing was sent.`);
}
