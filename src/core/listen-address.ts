/**
 * Where a listener listens: an address of its own (the host without brackets; port 0 lets the system choose),
 * or a listening socket that the parent process opened and handed over, by its descriptor.
 */
export type ListenAddress =
  | { readonly host: string; readonly port: number }
  | { readonly fd: number };

/** As it is written in a setting: `127.0.0.1:8080`, `[::1]:8080`, `fd:3`. */
export function formatListenAddress(address: ListenAddress): string {
  if ('fd' in address) return `fd:${address.fd}`;
  const { host, port } = address;
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
