import { isIP, type LookupFunction, type Socket } from 'node:net';
import { buildConnector } from 'undici';
import { AddressDenied } from './guard-address.js';

let connectionFails = false;

/**
 * Whether what happens now happens because a connection broke. undici takes a response that ends with its
 * connection for complete even when the connection was reset.
 */
export function isConnectionFailing(): boolean {
  return connectionFails;
}

/**
 * libuv reports a reset that comes together with the last bytes as a plain end. Linux then knows no peer any
 * more, while after a real end it does; what other systems say differs.
 */
const IS_LINUX = process.platform === 'linux';

function onEnd(this: Socket): void {
  if (this.remoteAddress === undefined) noteFailure();
}

/** Runs before undici's own listeners of the same event. */
function noteFailure(): void {
  connectionFails = true;
  queueMicrotask(() => {
    connectionFails = false;
  });
}

/** Which addresses may not be dialled, and the look-up that hands on no others; undefined = all may be. */
export interface AddressGuard {
  readonly isDenied: (address: string) => boolean;
  readonly lookup: LookupFunction;
}

interface ConnectorOptions {
  readonly connectMs: number;
  readonly guard: AddressGuard | undefined;
  /** PEM: whose certificates hold. */
  readonly ca: string | string[] | undefined;
  /** What the certificate is verified against, where it is not the host. */
  readonly serverName: string | undefined;
}

/** Makes undici's connections: only to addresses that may be dialled, and so that `isConnectionFailing` can tell. */
export function guardedConnector(options: ConnectorOptions): buildConnector.connector {
  const { connectMs, guard, ca, serverName } = options;
  const connect = buildConnector({
    timeout: connectMs,
    autoSelectFamily: true,
    ...(guard === undefined ? {} : { lookup: guard.lookup }),
    ...(ca === undefined ? {} : { ca }),
  });
  return (target, callback) => {
    const host = target.hostname.replace(/^\[|\]$/g, '');
    // An address literal is never looked up, so it is checked here.
    if (guard !== undefined && isIP(host) !== 0 && guard.isDenied(host)) {
      callback(new AddressDenied('denied'), null);
      return;
    }
    // undici would take the name from Host before the one that the connector was made with.
    const named = serverName === undefined ? target : { ...target, servername: serverName };
    connect(named, (...result) => {
      result[1]?.on('error', noteFailure);
      if (IS_LINUX) result[1]?.on('end', onEnd);
      callback(...result);
    });
  };
}
