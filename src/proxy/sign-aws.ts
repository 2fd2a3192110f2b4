import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { SignatureV4 } from '@smithy/signature-v4';
import { AppError, AWS_HEADERS, type AwsSigning } from '../core/index.js';
import { AwsChunks } from './aws-chunks.js';
import { readAwsTarget } from './aws-target.js';
import { headerValues, type OutgoingRequest } from './outgoing-request.js';
import { removeHeaders } from './remove-headers.js';

/** Services that take `UNSIGNED-PAYLOAD`, and whose paths are encoded once. */
const S3: ReadonlySet<string> = new Set(['s3', 's3-object-lambda', 's3-outposts', 's3express']);
const UNSIGNED = 'UNSIGNED-PAYLOAD';
/** Chunks without signatures and checksums at the end: nothing of it depends on the client's key. */
const UNSIGNED_CHUNKS = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';
/** Symmetric signatures, or those of 4A. */
const SIGNED_CHUNKS = /^STREAMING-AWS4-(?:HMAC|ECDSA-P256)-SHA256-PAYLOAD(-TRAILER)?$/;
const SHA256_HEX = /^[0-9a-f]{64}$/;

/** Besides `x-amz-…`: what names the request and what a service may decide by. */
const SIGNED_HEADERS: ReadonlySet<string> = new Set(['host', 'content-type', 'content-md5']);
const OF_THE_SIGNATURE: ReadonlySet<string> = new Set(
  AWS_HEADERS.map((name) => name.toLowerCase()),
);

/**
 * Signs a request by AWS Signature Version 4. `clientHash` is the client's own `X-Amz-Content-Sha256`: a hash is
 * signed as it is, because the service compares it with the body that arrives, so the body can stream. Without
 * one, S3 gets an unsigned payload, and for other services `gather` reads the body. `fail` is told when a body that
 * is rewritten as it streams turns out not to be what it was announced as.
 */
export async function signAws(
  signing: AwsSigning,
  outgoing: OutgoingRequest,
  clientHash: string | undefined,
  gather: () => Promise<Buffer>,
  nowMs: number,
  fail: (error: unknown) => void,
): Promise<void> {
  const isS3 = S3.has(signing.service);
  const payload = await payloadHash(outgoing, clientHash, isS3, gather, fail);
  const target = readAwsTarget(outgoing.path, outgoing.query);
  const { headers } = outgoing;
  const toSign: Record<string, string> = { 'x-amz-content-sha256': payload };
  for (let i = 0; i < headers.length; i += 2) {
    const name = (headers[i] as string).toLowerCase();
    if (!SIGNED_HEADERS.has(name) && !name.startsWith('x-amz-')) continue;
    // The library hashes UTF-8; a header is one character per byte.
    const value = Buffer.from(headers[i + 1] as string, 'latin1').toString('utf8');
    toSign[name] = toSign[name] === undefined ? value : `${toSign[name]},${value}`;
  }
  const signer = await signerFor(signing, !isS3);
  const [hostname = ''] = headerValues(headers, 'host');
  const { path, query, parameters } = target;
  const signed = await signer.sign(
    {
      method: outgoing.method,
      protocol: 'https:',
      hostname,
      path,
      query: parameters,
      headers: toSign,
    },
    { signingDate: new Date(nowMs) },
  );
  outgoing.path = path;
  outgoing.query = query;
  removeHeaders(headers, OF_THE_SIGNATURE);
  for (const name of AWS_HEADERS) {
    const value = signed.headers[name.toLowerCase()];
    if (value !== undefined) headers.push(name, value);
  }
}

async function payloadHash(
  outgoing: OutgoingRequest,
  clientHash: string | undefined,
  isS3: boolean,
  gather: () => Promise<Buffer>,
  fail: (error: unknown) => void,
): Promise<string> {
  const { body } = outgoing;
  if (body === null || Buffer.isBuffer(body)) return sha256(body ?? '');
  if (clientHash !== undefined && SHA256_HEX.test(clientHash)) return clientHash;
  if (clientHash === UNSIGNED_CHUNKS) return clientHash;
  const chunks = clientHash === undefined ? null : SIGNED_CHUNKS.exec(clientHash);
  if (isS3 && chunks !== null) {
    return unsignChunks(outgoing, body, chunks[1] !== undefined, fail);
  }
  if (clientHash?.startsWith('STREAMING-') === true) {
    const detail =
      'The body is announced by X-Amz-Content-Sha256 as one that this service does not take. Nothing was sent.';
    throw new AppError('request_rejected', detail);
  }
  if (isS3) return UNSIGNED;
  outgoing.body = await gather();
  return sha256(outgoing.body);
}

/**
 * Takes the client's signatures out of a body of signed chunks, as it streams. Trailers, which hold a checksum,
 * stay where the client sends some.
 */
function unsignChunks(
  outgoing: OutgoingRequest,
  body: Readable,
  hasTrailers: boolean,
  fail: (error: unknown) => void,
): string {
  const { headers } = outgoing;
  const [length = '', ...more] = headerValues(headers, 'x-amz-decoded-content-length');
  if (!/^[0-9]{1,15}$/.test(length) || more.length > 0) {
    const detail = 'X-Amz-Decoded-Content-Length must be one number. Nothing was sent.';
    throw new AppError('request_rejected', detail);
  }
  const encodings = headerValues(headers, 'content-encoding')
    .flatMap((value) => value.split(','))
    .map((value) => value.trim())
    .filter((value) => hasTrailers || value.toLowerCase() !== 'aws-chunked');
  removeHeaders(headers, hasTrailers ? OF_CHUNKS_WITH_TRAILERS : OF_CHUNKS);
  if (encodings.length > 0) headers.push('Content-Encoding', encodings.join(', '));
  if (!hasTrailers) headers.push('Content-Length', length);
  const unsigned = new AwsChunks(hasTrailers ? 'chunks' : 'plain', Number(length));
  // Also before and after it is undici's: an error that nobody hears would end the process.
  unsigned.on('error', fail);
  outgoing.body = body.pipe(unsigned);
  return hasTrailers ? UNSIGNED_CHUNKS : UNSIGNED;
}

/** The length is another one without signatures. */
const OF_CHUNKS_WITH_TRAILERS: ReadonlySet<string> = new Set([
  'content-length',
  'content-encoding',
]);
const OF_CHUNKS: ReadonlySet<string> = new Set([
  ...OF_CHUNKS_WITH_TRAILERS,
  'x-amz-decoded-content-length',
]);

function sha256(data: Buffer | string): string {
  return createHash('sha256').update(data).digest('hex');
}

let library: Promise<typeof import('@smithy/signature-v4')> | undefined;
const signers = new WeakMap<AwsSigning, SignatureV4>();

async function signerFor(signing: AwsSigning, uriEscapePath: boolean): Promise<SignatureV4> {
  const known = signers.get(signing);
  if (known !== undefined) return known;
  // Loaded with the first request that needs it.
  library ??= import('@smithy/signature-v4');
  const { SignatureV4 } = await library;
  const { accessKeyId, secretAccessKey, sessionToken, service, region } = signing;
  const signer = new SignatureV4({
    credentials: {
      accessKeyId,
      secretAccessKey,
      ...(sessionToken === undefined ? {} : { sessionToken }),
    },
    service,
    region,
    uriEscapePath,
    sha256: Sha256,
  });
  signers.set(signing, signer);
  return signer;
}

type Bytes = string | ArrayBuffer | ArrayBufferView;

/** SHA-256, keyed or not, in the form that the library takes it. */
class Sha256 {
  readonly #hash: Hash | Hmac;

  constructor(key?: Bytes) {
    this.#hash = key === undefined ? createHash('sha256') : createHmac('sha256', asBytes(key));
  }

  update(data: Bytes): void {
    this.#hash.update(asBytes(data));
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest());
  }
}

function asBytes(data: Bytes): Uint8Array {
  if (typeof data === 'string') return Buffer.from(data);
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}
