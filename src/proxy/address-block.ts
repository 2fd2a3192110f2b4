const MAPPED_IPV4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;
/** One site or one home has a /64 at least (RFC 6177), and every address of it at will. */
const GROUPS_OF_A_SITE = 4;

/**
 * What limits count an address by: an IPv4 address, also one that is written as IPv6; of an IPv6 address its
 * first 64 bits.
 */
export function addressBlock(address: string): string {
  if (!address.includes(':')) return address;
  const mapped = MAPPED_IPV4.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const zone = address.indexOf('%');
  const [before = '', after] = (zone === -1 ? address : address.slice(0, zone)).split('::');
  const groups = before === '' ? [] : before.split(':');
  if (after !== undefined) {
    const rest = after === '' ? [] : after.split(':');
    // A dotted tail stands for two groups, both beyond the first four or in their place among eight.
    const restLength = rest.length + (after.includes('.') ? 1 : 0);
    while (groups.length + restLength < 8) groups.push('0');
    groups.push(...rest);
  }
  const site = groups.slice(0, GROUPS_OF_A_SITE).map((group) => Number.parseInt(group, 16));
  return `${site.map((group) => group.toString(16)).join(':')}::/64`;
}
