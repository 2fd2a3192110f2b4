import { AppError, formatListenAddress, type ListenAddress } from '../core/index.js';

/** Why the proxy cannot listen, and what to do. */
export function listenError(error: NodeJS.ErrnoException, address: ListenAddress): AppError {
  const where = formatListenAddress(address);
  if (error.code === 'EADDRINUSE') {
    return new AppError(
      'address_in_use',
      `The proxy cannot listen on ${where}: the address is in use. Stop what uses it, or choose another with --proxy-listen.`,
    );
  }
  return new AppError(
    'address_in_use',
    `The proxy cannot listen on ${where} (${error.code ?? 'unknown'}). Choose another with --proxy-listen.`,
    { cause: error },
  );
}
