import { expect, test } from 'vitest';
import { judgeRevoke, QUIET_MS, type RevokeFacts } from '../../src/core/index.js';

const NOW_MS = Date.parse('2026-11-21T12:00:00.000Z');
const MINUTE_MS = 60_000;
const never = { by: undefined, atMs: null };
const free: RevokeFacts = { isCurrent: false, cutover: undefined, pinnedBy: [], lastUse: never };
const usedAt = (atMs: number) => ({ atMs, by: { route: 'pay', client: 'shop', atMs } });

const judged = (facts: Partial<RevokeFacts>) => {
  const { safe, reasons, safeFromMs } = judgeRevoke({ ...free, ...facts }, NOW_MS);
  return { safe, codes: reasons.map(({ code }) => code), safeFromMs };
};

test('a version goes when nothing needs it and 48 hours have passed since its last use', () => {
  expect(judged({})).toEqual({ safe: true, codes: ['never_used'], safeFromMs: NOW_MS });
  expect(judged({ isCurrent: true })).toEqual({
    safe: false,
    codes: ['current'],
    safeFromMs: null,
  });
  expect(judged({ cutover: 'cutover 1 is under way' }).codes).toEqual(['cutover']);
  expect(judged({ pinnedBy: ['pay'] }).codes).toEqual(['pinned']);
  const lastUse = usedAt(NOW_MS - 10 * MINUTE_MS);
  expect(judged({ lastUse })).toEqual({
    safe: false,
    codes: ['recently_used'],
    safeFromMs: NOW_MS - 10 * MINUTE_MS + QUIET_MS,
  });
  expect(judged({ lastUse: usedAt(NOW_MS - QUIET_MS + 1) }).safe).toBe(false);
  expect(judged({ lastUse: usedAt(NOW_MS - QUIET_MS) })).toEqual({
    safe: true,
    codes: ['unused'],
    safeFromMs: NOW_MS,
  });
  expect(judged({ isCurrent: true, pinnedBy: ['pay'], lastUse, cutover: 'one' })).toEqual({
    safe: false,
    codes: ['current', 'cutover', 'pinned', 'recently_used'],
    safeFromMs: null,
  });
});

test('says who used it, and what is only presumed', () => {
  const message = (facts: Partial<RevokeFacts>) =>
    judgeRevoke({ ...free, ...facts }, NOW_MS).reasons[0]?.message;
  const tenMinutesAgo = NOW_MS - 10 * MINUTE_MS;
  expect(message({ lastUse: usedAt(tenMinutesAgo) })).toBe(
    'it was last used at 2026-11-21T11:50:00.000Z by route "pay" for client "shop", less than 48 hours ago (until 2026-11-23T11:50:00.000Z)',
  );
  expect(message({ lastUse: { ...usedAt(tenMinutesAgo - MINUTE_MS), atMs: tenMinutesAgo } })).toBe(
    'it may have been used until 2026-11-21T11:50:00.000Z, when a server ended without a clean stop, less than 48 hours ago (until 2026-11-23T11:50:00.000Z); counted last at 2026-11-21T11:49:00.000Z by route "pay" for client "shop"',
  );
  expect(message({ lastUse: usedAt(NOW_MS - QUIET_MS) })).toBe(
    'it has not been used since 2026-11-19T12:00:00.000Z',
  );
  expect(message({ pinnedBy: ['a', 'b', 'c', 'd', 'e', 'f'] })).toBe(
    'routes "a", "b", "c", "d", "e" and 1 more name it (apply routes without that pin)',
  );
});
