import { createHash, createHmac } from 'node:crypto';

/** A request as bytes on a socket, head and body apart. */
export interface ArrivedRequest {
  readonly method: string;
  readonly target: string;
  /** Name, value. */
  readonly headers: readonly (readonly [string, string])[];
  /** One character per byte. */
  readonly body: string;
}

/** Takes the bytes of one request apart: with a length, in chunks, or without a body. */
export function readArrived(bytes: string): ArrivedRequest {
  const end = bytes.indexOf('\r\n\r\n');
  const [requestLine = '', ...lines] = bytes.slice(0, end).split('\r\n');
  const [method = '', target = ''] = requestLine.split(' ');
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  const rest = bytes.slice(end + 4);
  const chunked = headers.some(([name]) => name.toLowerCase() === 'transfer-encoding');
  return { method, target, headers, body: chunked ? withoutChunks(rest) : rest };
}

function withoutChunks(text: string): string {
  let body = '';
  let rest = text;
  for (;;) {
    const line = rest.indexOf('\r\n');
    const size = Number.parseInt(rest.slice(0, line), 16);
    if (!(size > 0)) return body;
    body += rest.slice(line + 2, line + 2 + size);
    rest = rest.slice(line + 2 + size + 2);
  }
}

export interface VerifyOptions {
  readonly secretAccessKey: string;
  /** S3 encodes the path once, all others twice. */
  readonly isS3: boolean;
}

/**
 * The signature of a request as the service computes it from what arrived, written after AWS's description
 * ("Create a signed AWS API request") and without any library: decode, encode again, sort, hash.
 */
export function expectedSignature(request: ArrivedRequest, options: VerifyOptions): string {
  const authorization = headerOf(request, 'authorization');
  const [, date = '', region = '', service = ''] =
    /Credential=[^/]+\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request/.exec(authorization) ?? [];
  const signedHeaders = /SignedHeaders=([^,]+)/.exec(authorization)?.[1]?.split(';') ?? [];
  const [path = '', query = ''] = request.target.split(/\?(.*)/s);
  const once = path.split('/').map((segment) => encode(decode(segment, false)));
  const canonicalPath = (options.isS3 ? once : once.map((segment) => encode(segment))).join('/');
  const pairs = query
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const [name = '', value = ''] = pair.split(/=(.*)/s);
      return [encode(decode(name, true)), encode(decode(value, true))] as const;
    })
    .sort(([a, x], [b, y]) => (a === b ? compare(x, y) : compare(a, b)));
  const canonicalRequest = [
    request.method,
    canonicalPath,
    pairs.map(([name, value]) => `${name}=${value}`).join('&'),
    ...signedHeaders.map((name) => `${name}:${headerOf(request, name).replace(/ +/g, ' ')}`),
    '',
    signedHeaders.join(';'),
    headerOf(request, 'x-amz-content-sha256') || sha256(request.body),
  ].join('\n');
  const time = headerOf(request, 'x-amz-date');
  const scope = `${date}/${region}/${service}/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', time, scope, sha256(canonicalRequest)].join('\n');
  let key: Buffer = Buffer.from(`AWS4${options.secretAccessKey}`);
  for (const part of [date, region, service, 'aws4_request']) key = hmac(key, part);
  return hmac(key, text).toString('hex');
}

/** Why a service would refuse the request; undefined for one that it takes. */
export function awsRefusal(request: ArrivedRequest, options: VerifyOptions): string | undefined {
  const authorization = headerOf(request, 'authorization');
  const signature = /Signature=([0-9a-f]{64})$/.exec(authorization)?.[1];
  const signed = /SignedHeaders=([^,]+)/.exec(authorization)?.[1]?.split(';') ?? [];
  const unsigned = request.headers
    .map(([name]) => name.toLowerCase())
    .filter((name) => (name === 'host' || name.startsWith('x-amz-')) && !signed.includes(name));
  if (unsigned.length > 0) return `not signed: ${unsigned.join()}`;
  if (signature !== expectedSignature(request, options)) return 'signature does not match';
  const hash = headerOf(request, 'x-amz-content-sha256');
  if (/^[0-9a-f]{64}$/.test(hash))
    return hash === sha256(request.body) ? undefined : 'body changed';
  return options.isS3 ? undefined : `payload hash ${hash}`;
}

/** All values of a header, joined; one character per byte. */
export function headerOf({ headers }: ArrivedRequest, name: string): string {
  return headers
    .filter(([own]) => own.toLowerCase() === name)
    .map(([, value]) => value)
    .join(',');
}

function decode(text: string, plusIsSpace: boolean): string {
  return (plusIsSpace ? text.replaceAll('+', ' ') : text).replace(
    /%([0-9A-Fa-f]{2})/g,
    (_all, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)),
  );
}

function encode(bytes: string): string {
  return bytes.replace(
    /[^A-Za-z0-9_.~-]/g,
    (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function sha256(bytes: string): string {
  return createHash('sha256').update(bytes, 'latin1').digest('hex');
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text, 'latin1').digest();
}
