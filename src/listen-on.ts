import { fstatSync } from 'node:fs';
import { type AddressInfo, isIPv4 } from 'node:net';
import { AppError, formatListenAddress, type ListenAddress } from './core/index.js';

/**
 * Starts a listener on its address. Throws what it throws, and `config_invalid` when what was handed over is no
 * TCP socket, before anything else is made of it.
 */
export async function listenOn(
  flag: string,
  address: ListenAddress,
  listener: { listen(address: ListenAddress): Promise<AddressInfo> },
): Promise<AddressInfo> {
  const refuse = (): AppError =>
    new AppError(
      'config_invalid',
      `${flag}: ${formatListenAddress(address)} is not a TCP socket that was handed over to this process.`,
    );
  if ('fd' in address && !isSocket(address.fd)) throw refuse();
  const bound: AddressInfo | string | null = await listener.listen(address);
  if (bound === null || typeof bound === 'string') throw refuse();
  return bound;
}

function isSocket(fd: number): boolean {
  try {
    return fstatSync(fd).isSocket();
  } catch {
    return false;
  }
}

/** Whether only this machine can reach it. A socket that was handed over may be bound to anything. */
export function isLoopback(address: ListenAddress): boolean {
  if ('fd' in address) return false;
  const { host } = address;
  // A name may begin so too: 127.example.com is wherever its DNS says.
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}
