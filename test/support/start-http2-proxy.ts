import { type ClientHttp2Session, connect } from 'node:http2';
import { onTestFinished } from 'vitest';
import type { Route, RouteEnvironment } from '../../src/core/index.js';
import { makeAuthority, makeCertificate } from './make-certificate.js';
import { type ProxyBefore, type ProxyRigOptions, startProxyBefore } from './start-proxy.js';

const authority = await makeAuthority();
const certificate = await makeCertificate(authority, { ips: ['127.0.0.1'], dns: ['localhost'] });

/** PEM of the authority that signed the listener's certificate, and of one for upstreams. */
export const TEST_CA = authority.cert;
/** For an upstream on TLS; `tls: { ca: TEST_CA }` on its route. */
export const UPSTREAM_CERTIFICATE = certificate;

/** `startProxyBefore` with a listener on TLS, which speaks HTTP/2. */
export function startHttp2Proxy(
  origin: string,
  route: Partial<Route & RouteEnvironment> = {},
  options: ProxyRigOptions = {},
): Promise<ProxyBefore> {
  return startProxyBefore(origin, route, { ...options, tls: certificate });
}

export interface Http2Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly trailers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
  /** False when the stream was reset before its end. */
  readonly complete: boolean;
}

/** A session of Node's own HTTP/2 client; closed after the test. */
export async function http2Session(port: number): Promise<ClientHttp2Session> {
  const session = connect(`https://127.0.0.1:${port}`, { ca: TEST_CA });
  session.on('error', () => undefined);
  onTestFinished(() => session.destroy());
  await new Promise<void>((resolve, reject) => {
    session.once('connect', () => resolve());
    session.once('error', reject);
  });
  return session;
}

/** One request on a session, its answer read to the end. */
export function ask(
  session: ClientHttp2Session,
  headers: Record<string, string | string[]>,
  body?: string | Buffer,
): Promise<Http2Answer> {
  const stream = session.request(headers, { endStream: body === undefined });
  if (body !== undefined) stream.end(body);
  let status = 0;
  let text = '';
  let head: Http2Answer['headers'] = {};
  let trailers: Http2Answer['trailers'] = {};
  let ended = false;
  stream.on('response', (found) => {
    status = Number(found[':status']);
    head = found as Http2Answer['headers'];
  });
  stream.on('trailers', (found) => {
    trailers = found as Http2Answer['trailers'];
  });
  stream.on('data', (piece: Buffer) => {
    text += piece.toString('latin1');
  });
  stream.on('end', () => {
    ended = true;
  });
  stream.on('error', () => undefined);
  return new Promise((resolve) => {
    stream.on('close', () => {
      const complete = ended && stream.rstCode === 0;
      resolve({ status, headers: head, trailers, body: text, complete });
    });
  });
}
