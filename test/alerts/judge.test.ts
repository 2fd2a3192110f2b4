import { describe, expect, it, test } from 'vitest';
import { judgeHold, reportRollback } from '../../src/alerts/judge-cutover.js';
import { isRepeated } from '../../src/alerts/judge-refusals.js';
import { judgeSecret } from '../../src/alerts/judge-secret.js';
import { settleSecret } from '../../src/alerts/settle-secret.js';
import {
  type AlertFinding,
  type Cutover,
  DEFAULT_CUTOVER_SETTINGS,
  type SecretFacts,
} from '../../src/core/index.js';

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
const MADE_MS = Date.UTC(2026, 0, 1);
const facts: SecretFacts = {
  secretId: 'id-1',
  secret: 'pay_key',
  environment: 'production',
  version: 3,
  rotateEveryDays: 90,
  maximumAgeDays: 120,
  createdAtMs: MADE_MS,
  expiresAtMs: null,
  currentSinceMs: MADE_MS,
  lastUsedAtMs: null,
  isRouted: true,
  nextRunAtMs: null,
  isRotating: false,
  open: [],
};

/** What is found of one kind so long after the version was made. */
function found(
  kind: AlertFinding['kind'],
  afterMs: number,
  more: Partial<SecretFacts> = {},
): AlertFinding | undefined {
  const findings = judgeSecret({ ...facts, ...more }, MADE_MS + afterMs);
  return findings.find((finding) => finding.kind === kind);
}

describe('a secret that nobody uses', () => {
  it('is told of from 30 days on, and not a millisecond before', () => {
    expect(found('secret_unused', 30 * DAY_MS - 1)).toBeUndefined();
    expect(found('secret_unused', 30 * DAY_MS)).toMatchObject({
      urgency: 'notice',
      secret: 'pay_key',
      environment: 'production',
      sinceMs: MADE_MS + 30 * DAY_MS,
    });
  });

  it('counts from its last use, and from when its version became current', () => {
    const used = { lastUsedAtMs: MADE_MS + 10 * DAY_MS };
    expect(found('secret_unused', 40 * DAY_MS - 1, used)).toBeUndefined();
    expect(found('secret_unused', 40 * DAY_MS, used)?.summary).toContain('last used on 2026-01-11');
    const moved = { ...used, currentSinceMs: MADE_MS + 20 * DAY_MS };
    expect(found('secret_unused', 50 * DAY_MS - 1, moved)).toBeUndefined();
    expect(found('secret_unused', 50 * DAY_MS, moved)).toBeDefined();
  });

  it('is told of with and without routes, in other words', () => {
    const routed = found('secret_unused', 31 * DAY_MS);
    const unrouted = found('secret_unused', 31 * DAY_MS, { isRouted: false });
    expect(routed?.summary).toContain('Routes name it');
    expect(unrouted?.summary).toContain('No route names it');
    expect(routed?.whatToDo).not.toBe(unrouted?.whatToDo);
  });
});

describe('the date of rotation', () => {
  it.each([
    [83 * DAY_MS - 1, undefined],
    [83 * DAY_MS, 'notice'],
    [89 * DAY_MS - 1, 'notice'],
    [89 * DAY_MS, 'warning'],
    [90 * DAY_MS - 1, 'warning'],
    [90 * DAY_MS, 'urgent'],
    [120 * DAY_MS - 1, 'urgent'],
    [120 * DAY_MS, undefined],
  ])('%d ms after the version was made: %s', (afterMs, urgency) => {
    expect(found('rotation_due', afterMs)?.urgency).toBe(urgency);
  });

  it('gives way to overdue at the maximum age', () => {
    expect(found('secret_overdue', 120 * DAY_MS - 1)).toBeUndefined();
    expect(found('secret_overdue', 120 * DAY_MS)).toMatchObject({
      urgency: 'urgent',
      command: 'keyferry rotate pay_key --environment production',
    });
  });

  it('is never after the maximum age', () => {
    const shorter = { maximumAgeDays: 30 };
    expect(found('rotation_due', 23 * DAY_MS, shorter)?.urgency).toBe('notice');
    expect(found('secret_overdue', 30 * DAY_MS, shorter)).toBeDefined();
  });
});

test('a version that ends is told of a week before, a day before and when it has ended', () => {
  const expiring = { expiresAtMs: MADE_MS + 20 * DAY_MS };
  const urgency = (afterMs: number) => found('version_expiring', afterMs, expiring)?.urgency;
  expect(urgency(13 * DAY_MS - 1)).toBeUndefined();
  expect(urgency(13 * DAY_MS)).toBe('notice');
  expect(urgency(19 * DAY_MS)).toBe('warning');
  expect(urgency(20 * DAY_MS)).toBe('urgent');
  expect(found('version_expiring', 20 * DAY_MS, expiring)?.summary).toContain('has expired');
});

describe('what is written about a secret', () => {
  const nowMs = MADE_MS + 84 * DAY_MS;
  const due = { id: 'a', kind: 'rotation_due', urgency: 'notice', lastSeenAtMs: nowMs } as const;
  const used = { lastUsedAtMs: nowMs };

  it('is nothing where the open alerts say it already', () => {
    const settled = settleSecret({ ...facts, ...used, open: [due] }, nowMs);
    expect(settled).toEqual({ raise: [], resolve: [] });
  });

  it('is what is new, more urgent, or a day old', () => {
    const at = (open: SecretFacts['open'], ms: number) =>
      settleSecret({ ...facts, ...used, open }, ms).raise.map(({ urgency }) => urgency);
    expect(at([], nowMs)).toEqual(['notice']);
    expect(at([due], MADE_MS + 89 * DAY_MS)).toEqual(['warning']);
    expect(at([due], nowMs + DAY_MS)).toEqual(['notice']);
    expect(at([due], nowMs + DAY_MS - 1)).toEqual([]);
  });

  it('closes what is over, and leaves alerts of other rules alone', () => {
    const rotated = { ...facts, ...used, createdAtMs: nowMs };
    const echo = { ...due, id: 'b', kind: 'echo_hit' } as const;
    expect(settleSecret({ ...rotated, open: [due, echo] }, nowMs)).toEqual({
      raise: [],
      resolve: ['a'],
    });
  });
});

const cutover: Cutover = {
  id: 'cutover-1',
  secret: 'pay_key',
  environment: 'production',
  fromVersion: 1,
  toVersion: 2,
  toSecret: null,
  settings: DEFAULT_CUTOVER_SETTINGS,
  state: 'CANARY',
  step: 0,
  paused: false,
  hold: 'upstream_failing',
  startedAtMs: MADE_MS,
  startedBy: 'tester',
  stepStartedAtMs: MADE_MS,
  currentSinceMs: null,
  windowEndsAtMs: null,
  endedAtMs: null,
  reason: null,
  endedByItself: false,
  evidence: null,
};

test('a cutover is told of when it was held for half an hour', () => {
  const at = (minutes: number) => judgeHold(cutover, MADE_MS, MADE_MS + minutes * MINUTE_MS);
  expect(at(30 - 1 / 60)).toBeUndefined();
  expect(at(30)).toMatchObject({ kind: 'cutover_held', subject: 'cutover-1', version: 2 });
  expect(judgeHold({ ...cutover, hold: null }, MADE_MS, MADE_MS + DAY_MS)).toBeUndefined();
});

test('a rollback says why, and where to look', () => {
  const ended = { ...cutover, endedAtMs: MADE_MS + 5, reason: 'refused 12 times' };
  expect(reportRollback(ended)).toMatchObject({
    kind: 'cutover_rolled_back',
    urgency: 'urgent',
    sinceMs: MADE_MS + 5,
    summary: expect.stringContaining('refused 12 times'),
    command: 'keyferry cutover show pay_key --environment production',
  });
});

test('refusals are repeated from ten on, and where they are a tenth of the requests', () => {
  expect(isRepeated({ refused: 9, requests: 9 })).toBe(false);
  expect(isRepeated({ refused: 10, requests: 10 })).toBe(true);
  expect(isRepeated({ refused: 10, requests: 100 })).toBe(true);
  expect(isRepeated({ refused: 10, requests: 101 })).toBe(false);
});
