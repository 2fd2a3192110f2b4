import { BlockList } from 'node:net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addressBlock } from '../../src/proxy/address-block.js';

const groups = fc.array(fc.constantFrom(0, 0, 1, 0x2001, 0xdb8, 0xffff, 0xabcd), {
  minLength: 8,
  maxLength: 8,
});

/** One of the ways to write an address: with `::` in place of some zeros or not. */
function written(all: readonly number[], shorten: boolean): string {
  const text = all.map((group) => group.toString(16)).join(':');
  if (!shorten) return text;
  return text.replace(/(?:^|:)0(?::0)+(?::|$)/, '::');
}

test('IPv6 addresses count as one if and only if their first 64 bits are the same', () => {
  const property = fc.property(
    groups,
    groups,
    fc.boolean(),
    fc.boolean(),
    fc.boolean(),
    (one, other, sameSite, shortOne, shortOther) => {
      const second = sameSite ? [...one.slice(0, 4), ...other.slice(4)] : other;
      const first = written(one, shortOne);
      const network = new BlockList();
      network.addSubnet(first, 64, 'ipv6');
      const text = written(second, shortOther);
      // A mapped address is the IPv4 address that it stands for.
      if (/^(?:::|0:0:0:0:)/.test(first) || /^(?:::|0:0:0:0:)/.test(text)) return;
      expect(addressBlock(first) === addressBlock(text)).toBe(network.check(text, 'ipv6'));
    },
  );
  fc.assert(property, { seed: 3_0033, numRuns: 2000 });
});

test.each([
  ['192.0.2.7', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['2001:db8:0:0:ffff::9', '2001:db8:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['', ''],
])('%s counts as %s', (address, block) => {
  expect(addressBlock(address)).toBe(block);
});
