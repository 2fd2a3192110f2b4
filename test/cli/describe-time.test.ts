import { describe, expect, it } from 'vitest';
import { CommandFailure } from '../../src/cli/command-failure.js';
import {
  describeAgo,
  describeDuration,
  describeUntil,
  parseMoment,
} from '../../src/cli/describe-time.js';

const nowMs = Date.parse('2026-11-21T12:00:00Z');
const HOUR_MS = 3_600_000;

describe('times', () => {
  it.each([
    [0, 'now'],
    [59_999, 'now'],
    [60_000, '1 min'],
    [HOUR_MS, '1 h'],
    [47 * HOUR_MS, '47 h'],
    [48 * HOUR_MS, '2 d'],
  ])('a duration of %i ms is "%s"', (durationMs, text) => {
    expect(describeDuration(durationMs)).toBe(text);
  });

  it('says how long ago something was, and when something comes', () => {
    expect(describeAgo(null, nowMs)).toBe('never');
    expect(describeAgo('2026-11-21T09:00:00Z', nowMs)).toBe('3 h ago');
    expect(describeUntil(nowMs + 49 * HOUR_MS, nowMs)).toBe('in 2 d');
    expect(describeUntil(nowMs - HOUR_MS, nowMs)).toBe('today');
    expect(describeUntil(nowMs - 72 * HOUR_MS, nowMs)).toBe('3 d ago');
  });

  it('reads lengths of time and RFC 3339 times', () => {
    expect(parseMoment('90d', '--expires', 'future', nowMs)).toBe('2027-02-19T12:00:00.000Z');
    expect(parseMoment('12h', '--since', 'past', nowMs)).toBe('2026-11-21T00:00:00.000Z');
    expect(parseMoment('2027-01-31', '--expires', 'future', nowMs)).toBe(
      '2027-01-31T00:00:00.000Z',
    );
    expect(parseMoment('2027-01-31T01:00:00+01:00', '--expires', 'future', nowMs)).toBe(
      '2027-01-31T00:00:00.000Z',
    );
  });

  it.each(['soon', '90', '5w', '-3d', '2027-13-01', '2026-11-20'])('refuses "%s"', (text) => {
    expect(() => parseMoment(text, '--expires', 'future', nowMs)).toThrow(CommandFailure);
  });
});
