import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createTokens, generateRootKey } from '../../src/crypto/index.js';

const tokens = createTokens(generateRootKey());

describe('a token', () => {
  test('has the form of its kind, and its id can be read from it', () => {
    for (const [kind, prefix] of [
      ['client', 'kfc_'],
      ['admin', 'kfa_'],
    ] as const) {
      const { token, id } = tokens.mint(kind);
      expect(token).toMatch(/^kf[ca]_[A-Za-z0-9_-]{59}$/);
      expect(token.startsWith(prefix + id)).toBe(true);
      expect(tokens.idOf(token)).toBe(id);
    }
  });

  test('matches its own hash and no other', () => {
    const a = tokens.mint('client');
    const b = tokens.mint('client');
    expect(tokens.matches(a.token, a.hash)).toBe(true);
    expect(tokens.matches(a.token, b.hash)).toBe(false);
    expect(tokens.matches(a.token, a.hash.subarray(1))).toBe(false);
    expect(tokens.matches(a.token, new Uint8Array())).toBe(false);
    expect(createTokens(generateRootKey()).matches(a.token, a.hash)).toBe(false);
  });

  test('is compared as the issued string: another spelling of the same bytes does not match', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const { token, hash } = tokens.mint('client');
    const bytes = Buffer.from(token.slice(-43), 'base64url');
    const others = [...alphabet]
      .map((last) => token.slice(0, -1) + last)
      .filter((other) => other !== token);
    const sameBytes = others.filter((other) =>
      Buffer.from(other.slice(-43), 'base64url').equals(bytes),
    );
    expect(sameBytes).toHaveLength(3);
    for (const other of others) expect(tokens.matches(other, hash)).toBe(false);
  });

  test('is never repeated', () => {
    const minted = Array.from({ length: 1000 }, () => tokens.mint('client'));
    expect(new Set(minted.map(({ token }) => token)).size).toBe(1000);
    expect(new Set(minted.map(({ id }) => id)).size).toBe(1000);
  });

  test('is told from everything else', () => {
    const { token } = tokens.mint('client');
    for (const text of ['', token.slice(1), `${token}a`, token.slice(0, -1), ` ${token}`]) {
      expect(tokens.idOf(text)).toBeUndefined();
    }
    fc.assert(fc.property(fc.string(), (text) => tokens.idOf(text) === undefined));
  });
});

describe('a feed token', () => {
  const adminId = '019aa3c1-7f0e-7000-8d53-5a0c1f1f2a11';
  const feed = tokens.feedOf(adminId);

  test('is of one admin, always the same, and made by the key alone', () => {
    expect(feed).toMatch(/^kff_[0-9a-f-]{36}\.[A-Za-z0-9_-]{43}$/);
    expect(tokens.feedOf(adminId)).toBe(feed);
    expect(tokens.idOfFeed(feed)).toBe(adminId);
    expect(createTokens(generateRootKey()).idOfFeed(feed)).toBeUndefined();
    const other = tokens.feedOf(adminId.replace('019', '01a'));
    expect(tokens.idOfFeed(feed.split('.')[0] + other.slice(other.indexOf('.')))).toBeUndefined();
    fc.assert(fc.property(fc.string(), (text) => tokens.idOfFeed(text) === undefined));
  });

  test('is no token of another kind, and what the store keeps of those gives no feed', () => {
    const { token, id, hash } = tokens.mint('admin');
    expect(tokens.idOf(feed)).toBeUndefined();
    expect(tokens.matches(feed, hash)).toBe(false);
    expect(tokens.idOfFeed(token)).toBeUndefined();
    const kept = Buffer.from(hash).toString('base64url');
    expect(tokens.idOfFeed(`kff_${id}.${kept}`)).toBeUndefined();
  });

  test('is compared as the issued string', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const others = [...alphabet].map((last) => feed.slice(0, -1) + last);
    expect(others.filter((text) => tokens.idOfFeed(text) !== undefined)).toEqual([feed]);
  });
});

describe('a stamp', () => {
  test('gives its text back, and no other', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 500 }), fc.nat(), (text, at) => {
        const given = Buffer.from(text).toString();
        const stamp = tokens.stamp(given);
        expect(stamp).toMatch(/^[A-Za-z0-9_.-]+$/);
        expect(tokens.stamped(stamp)).toBe(given === '' ? undefined : given);
        const place = at % stamp.length;
        const other = stamp[place] === 'A' ? 'B' : 'A';
        const changed = stamp.slice(0, place) + other + stamp.slice(place + 1);
        expect(tokens.stamped(changed)).toBeUndefined();
        expect(createTokens(generateRootKey()).stamped(stamp)).toBeUndefined();
      }),
      { numRuns: 50 },
    );
  });

  test('is no token, and no token or feed is one', () => {
    const { token, hash } = tokens.mint('session');
    expect(tokens.stamped(token)).toBeUndefined();
    expect(tokens.stamped(tokens.feedOf('someone'))).toBeUndefined();
    expect(tokens.matches(tokens.stamp('x'), hash)).toBe(false);
    expect(tokens.idOfFeed(tokens.stamp('x'))).toBeUndefined();
  });
});
