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
/**
 * Only 2000::/3 is handed out for global unicast (IANA's IPv6 address space): all else is denied, mapped and
 * compatible IPv4, NAT64, unique local, link-local and multicast among it; and within it what is special.
 * Apart from the list above: Node takes an IPv4 address to be within `::ffff:0:0/96`.
 */
const DENIED_IPV6 = blockList('ipv6', [
  ['::', 3],
  ['4000::', 2],
  ['8000::', 1],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['2620:4f:8000::', 48],
  ['3fff::', 20],
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
  if (!isIPv6(plain)) return DENIED_IPV4.check(plain, 'ipv4');
  return DENIED_IPV6.check(plain, 'ipv6') || tunnelsToDenied(plain);
}

const LOOPBACK_IPV4 = blockList('ipv4', [['127.0.0.0', 8]]);

/** Whether a packet to an address stays on this machine. */
export function isLoopbackAddress(address: string): boolean {
  return isIPv6(address) ? address === '::1' : LOOPBACK_IPV4.check(address, 'ipv4');
}

/** RFC 5214 section 6.1: an interface identifier of ISATAP ends with the IPv4 address that packets go to. */
function tunnelsToDenied(address: string): boolean {
  const groups = groupsOf(address);
  const [high = 0, low = 0] = groups.slice(6);
  // 0200 is the "universal" bit, which says whether the IPv4 address is a global one.
  if (groups[5] !== 0x5efe || ((groups[4] ?? 0) & ~0x0200) !== 0) return false;
  return DENIED_IPV4.check(`${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`, 'ipv4');
}

/** The eight groups of an IPv6 address, however it is written. */
function groupsOf(address: string): number[] {
  // The URL parser writes every form as RFC 5952 does, without a dotted part.
  const [before = '', after] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const parse = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
  const [first, last] = [parse(before), parse(after ?? '')];
  return [...first, ...Array<number>(8 - first.length - last.length).fill(0), ...last];
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
export function guardedLookup(resolveAll: ResolveAll = lookup, isDenied = isDeniedAddress) {
  return (hostname: string, options: LookupOptions, callback: LookupCallback): void => {
    resolveAll(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, []);
      const allowed = addresses.filter(({ address }) => !isDenied(address));
      const first = allowed[0];
      if (first === undefined) return callback(new AddressDenied('denied'), []);
      if (options.all === true) return callback(null, allowed);
      callback(null, first.address, first.family);
    });
  };
}
