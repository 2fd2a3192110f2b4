import { BlockList, isIPv4, isIPv6 } from 'node:net';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/**
 * Addresses that say of themselves that they are not public (IANA special-purpose registries, RFC 6890).
 * This only spares a surprise at the first request; what a name resolves to is judged when connecting.
 */
const local = new BlockList();
local.addSubnet('0.0.0.0', 8, 'ipv4');
local.addSubnet('10.0.0.0', 8, 'ipv4');
local.addSubnet('100.64.0.0', 10, 'ipv4');
local.addSubnet('127.0.0.0', 8, 'ipv4');
local.addSubnet('169.254.0.0', 16, 'ipv4');
local.addSubnet('172.16.0.0', 12, 'ipv4');
local.addSubnet('192.168.0.0', 16, 'ipv4');
local.addAddress('::', 'ipv6');
local.addAddress('::1', 'ipv6');
local.addSubnet('fc00::', 7, 'ipv6');
local.addSubnet('fe80::', 10, 'ipv6');

export type AddressClass = 'loopback' | 'private' | 'other';

/** What a host (a name, or an address with or without brackets) is known to be without asking DNS. */
export function addressClass(host: string): AddressClass {
  const name = host.replace(/^\[|\]$/g, '').toLowerCase();
  // RFC 6761 section 6.3: localhost and every name below it is loopback.
  if (name === 'localhost' || name.endsWith('.localhost')) return 'loopback';
  const family = isIPv4(name) ? 'ipv4' : isIPv6(name) ? 'ipv6' : undefined;
  if (family === undefined) return 'other';
  if (loopback.check(name, family)) return 'loopback';
  return local.check(name, family) ? 'private' : 'other';
}
