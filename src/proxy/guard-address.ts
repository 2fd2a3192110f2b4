import { type LookupAddress, type LookupOptions, lookup } from 'node:dns';
import { BlockList, isIP, isIPv6 } from 'node:net';

/**
 * Addresses that a public upstream cannot have: IANA's special-purpose registries (RFC 6890 and its
 * updates), with the ways to write IPv4 inside IPv6. Cloud metadata (169.254.169.254, fd00:ec2::254) falls
 * under link-local and unique local.
 */
const DENIED_IPV4 = blockList('ipv4', [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.31.196.0', 24],
  ['192.52.193.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['192.175.48.0', 24],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
]);
/** Apart from the list above: Node takes an IPv4 address to be within `::ffff:0:0/96`. */
const DENIED_IPV6 = blockList('ipv6', [
  ['::', 96],
  ['::ffff:0:0', 96],
  ['::ffff:0:0:0', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['100:0:0:1::', 64],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['2620:4f:8000::', 48],
  ['3fff::', 20],
  ['5f00::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
]);

function blockList(
  family: 'ipv4' | 'ipv6',
  networks: readonly (readonly [string, number])[],
): BlockList {
  const list = new BlockList();
  for (const [network, bits] of networks) list.addSubnet(network, bits, family);
  return list;
}

/** Whether an address is private, loopback, link-local, metadata or otherwise not a public one. */
export function isDeniedAddress(address: string): boolean {
  const plain = address.split('%')[0] ?? address;
  if (isIP(plain) === 0) return true;
  return isIPv6(plain) ? DENIED_IPV6.check(plain, 'ipv6') : DENIED_IPV4.check(plain, 'ipv4');
}

/** Thrown through the connection attempt; told apart from other failures by its code. */
export class AddressDenied extends Error {
  readonly code = 'KEYFERRY_ADDRESS_DENIED';
}

type LookupCallback = (
  error: NodeJS.ErrnoException | null,
  address: string | LookupAddress[],
  family?: number,
) => void;

/** Resolves a name to all of its addresses, as `dns.lookup` with `all`. Tests give their own. */
export type ResolveAll = (
  hostname: string,
  options: LookupOptions & { all: true },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/**
 * A `lookup` for `net.connect` that hands on only addresses that were checked: what is dialled is what was
 * checked, however the name's answers change between the two (DNS rebinding).
 */
export function guardedLookup(resolveAll: ResolveAll = lookup) {
  return (hostname: string, options: LookupOptions, callback: LookupCallback): void => {
    resolveAll(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, []);
      const allowed = addresses.filter(({ address }) => !isDeniedAddress(address));
      const first = allowed[0];
      if (first === undefined) return callback(new AddressDenied('denied'), []);
      if (options.all === true) return callback(null, allowed);
      callback(null, first.address, first.family);
    });
  };
}
