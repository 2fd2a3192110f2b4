import { execFileSync, spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import {
  cachingSha2Hash,
  nativeHash,
  sha256Crypt,
} from '../../src/rotation/providers/mysql-hash.js';

const OPENSSL_INSTALLED = spawnSync('openssl', ['version']).status === 0;

describe('what MySQL and MariaDB keep of a password', () => {
  it.each([
    // The specification of SHA-crypt (Drepper, 2008), with its default of 5000 rounds.
    ['Hello world!', 'saltstring', '5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5'],
  ])('%j with salt %j is as specified', (password, salt, digest) => {
    expect(sha256Crypt(password, salt)).toBe(digest);
  });

  it.skipIf(!OPENSSL_INSTALLED)('is as OpenSSL has it (skipped where it is not installed)', () => {
    for (let length = 1; length <= 70; length += 3) {
      const password = 'aB3-_xYz'.repeat(9).slice(0, length);
      const salt = 'Q./z09aZ'.repeat(2).slice(0, 1 + (length % 16));
      const args = ['passwd', '-5', '-salt', salt, password];
      const expected = execFileSync('openssl', args, { encoding: 'utf8' }).trim();
      expect(`$5$${salt}$${sha256Crypt(password, salt)}`).toBe(expected);
    }
  });

  it('has a salt of 20 characters and the head of the plugin', () => {
    const salt = 'abcdefghijklmnopqrst';
    expect(cachingSha2Hash('x', salt)).toMatch(/^\$A\$005\$abcdefghijklmnopqrst[./0-9A-Za-z]{43}$/);
  });

  // Published by hashcat as the example of its mode 7401.
  it('is as MySQL has made it', () => {
    const salt = Buffer.from('F9CC98CE08892924F50A213B6BC571A2C11778C5', 'hex');
    const digest = Buffer.from(
      '625479393559393965414D45316477456B484F41316E64484742577A2E3162785353526B7554584647562F',
      'hex',
    ).toString();
    expect(digest).toHaveLength(43);
    expect(salt).toHaveLength(20);
    expect(sha256Crypt('hashcat', salt)).toBe(digest);
  });

  it('is what PASSWORD() gives in MariaDB', () => {
    expect(nativeHash('mypass')).toBe('*6C8989366EAF75BB670AD8EA7A7FC1176A95CEF4');
  });
});
