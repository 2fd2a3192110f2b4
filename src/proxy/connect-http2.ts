import { connect as connectTcp, isIP, type LookupFunction, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { AppError, type Upstream } from '../core/index.js';
import { AddressDenied, isDeniedAddress } from './guard-address.js';

/**
 * Opens a connection for HTTP/2: over TLS, where the upstream must choose it, or in the clear, where it must know
 * it. `lookup` hands on only addresses that may be dialled, as for every other upstream. `settle` is called once:
 * with an error, or without one when the connection is made.
 */
export function connectHttp2(
  { origin, allowPrivateNetwork, tls }: Upstream,
  lookup: LookupFunction | undefined,
  settle: (error?: Error) => void,
): Socket | undefined {
  const { protocol, hostname, port } = new URL(origin);
  const host = hostname.replace(/^\[|\]$/g, '');
  const isLiteral = isIP(host) !== 0;
  // An address literal is never looked up, so it is checked here.
  if (!allowPrivateNetwork && isLiteral && isDeniedAddress(host)) {
    settle(new AddressDenied('denied'));
    return undefined;
  }
  let open = true;
  const once = (error?: Error): void => {
    if (open) settle(error);
    open = false;
  };
  const onError = (error: NodeJS.ErrnoException): void => {
    once(error.code?.endsWith('NO_APPLICATION_PROTOCOL') === true ? notHttp2() : error);
  };
  const onClose = (): void => once(Object.assign(new Error('closed'), { code: 'ECONNRESET' }));
  const lookedUp = lookup === undefined ? {} : { lookup };
  if (protocol === 'http:') {
    const socket = connectTcp({ host, port: Number(port || 80), noDelay: true, ...lookedUp });
    return socket.on('error', onError).on('close', onClose).on('connect', once);
  }
  const servername = tls.serverName ?? (isLiteral ? undefined : host);
  const options: ConnectionOptions & LookedUp = {
    host,
    port: Number(port || 443),
    ALPNProtocols: ['h2'],
    ...lookedUp,
    ...(servername === undefined ? {} : { servername }),
    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
  };
  const socket = connectTls(options).setNoDelay();
  return socket
    .on('error', onError)
    .on('close', onClose)
    .on('secureConnect', () => once(socket.alpnProtocol === 'h2' ? undefined : notHttp2()));
}

interface LookedUp {
  readonly lookup?: LookupFunction;
}

function notHttp2(): AppError {
  const detail =
    'The upstream does not choose HTTP/2, which the route asks for. Leave "http2" out to speak HTTP/1.1 to it.';
  return new AppError('upstream_protocol_error', detail);
}
