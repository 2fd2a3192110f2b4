import { errors } from 'undici';
import { AppError } from '../core/index.js';

interface Coded {
  readonly code?: unknown;
  readonly errors?: readonly unknown[];
}

/**
 * What an error of undici, a socket or TLS means to the client. Told by its code, never by its text, which
 * may hold anything. `sent`: the connection was made and the request written to it.
 */
export function translateError(error: unknown, sent = true): AppError {
  if (error instanceof AppError) return error;
  // Has no code of its own.
  if (error instanceof errors.HTTPParserError) return notHttp(error, 'malformed');
  const code = codeOf(error);
  switch (code) {
    case 'KEYFERRY_ADDRESS_DENIED':
      return new AppError(
        'upstream_address_denied',
        'The upstream resolves to a private, loopback, link-local or reserved address. If that is ' +
          'meant, the route must say "allowPrivateNetwork": true.',
      );
    case 'UND_ERR_CONNECT_TIMEOUT':
    case 'ETIMEDOUT':
      return timeout('connectMs', 'no connection was made in time');
    case 'UND_ERR_HEADERS_TIMEOUT':
      return timeout('headersMs', 'no response headers came in time');
    case 'UND_ERR_BODY_TIMEOUT':
      return timeout('idleMs', 'the response body stalled');
    case 'UND_ERR_SOCKET':
    case 'ECONNRESET':
    case 'EPIPE':
    case 'ERR_HTTP2_STREAM_ERROR':
    case 'ERR_HTTP2_SESSION_ERROR':
      if (!sent && code.startsWith('E') && !code.startsWith('ERR_')) break;
      return new AppError(
        'upstream_protocol_error',
        'The upstream closed the connection before its response was complete.',
        { cause: error },
      );
    default:
      break;
  }
  // undici asserts what a sound response cannot break, such as a status from 100 on.
  if (/^(?:HPE_|UND_ERR_|ERR_HTTP|ERR_INVALID_CHAR|ERR_INVALID_HTTP|ERR_ASSERTION)/.test(code)) {
    return notHttp(error, code);
  }
  if (
    /^(?:E[A-Z]+|ERR_(?:TLS|SSL)[A-Z_0-9]*|[A-Z_]*CERT[A-Z_]*|[A-Z_]*SIGNATURE[A-Z_]*|[A-Z_]*CRL[A-Z_]*|HOSTNAME_MISMATCH)$/.test(
      code,
    )
  ) {
    return new AppError('upstream_unreachable', `The upstream cannot be reached (${code}).`, {
      cause: error,
    });
  }
  return new AppError('upstream_unreachable', 'The upstream cannot be reached.', { cause: error });
}

function notHttp(cause: unknown, why: string): AppError {
  const detail = `The upstream's response is not valid HTTP (${why}).`;
  return new AppError('upstream_protocol_error', detail, { cause });
}

function timeout(name: string, what: string): AppError {
  return new AppError('upstream_timeout', `Timeout "${name}": ${what}.`);
}

/** The error's own code, or that of the first of several attempts (an AggregateError of `net.connect`). */
function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return '';
  const { code, errors } = error as Coded;
  if (typeof code === 'string') return code;
  return errors === undefined ? '' : codeOf(errors[0]);
}
