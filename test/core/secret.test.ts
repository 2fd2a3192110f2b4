import { format, inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  AppError,
  markAge,
  problemDocument,
  recommendedDays,
  rotateAtMs,
  type SecretAttributes,
  SecretValue,
} from '../../src/core/index.js';

const DAY_MS = 86_400_000;

describe('SecretValue', () => {
  it('shows itself as [redacted], however it is printed', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Za-z0-9]{12,40}$/), (text) => {
        const value = SecretValue.fromText(text);
        const holder = { value, list: [value], map: new Map([['a', value]]) };
        const printed = [
          `${value}`,
          String(value),
          JSON.stringify(holder),
          inspect(holder, { depth: 9, showHidden: true }),
          format('%s %o %O %j %d', value, value, value, value, value),
          JSON.stringify(Object.entries(value)),
          JSON.stringify(structuredClone({ ...value })),
          new AppError('value_invalid', `no ${value}`, { cause: value }).message,
        ].join('\n');
        const base64 = Buffer.from(text).toString('base64').replace(/=+$/, '');
        for (const form of [text, base64, Buffer.from(text).toString('hex')]) {
          expect(printed).not.toContain(form);
        }
        expect(printed).toContain('[redacted]');
      }),
    );
  });

  it('gives its bytes by expose alone', () => {
    const value = SecretValue.fromText('żółw');
    expect(Buffer.from(value.expose()).toString('utf8')).toBe('żółw');
    expect(value.byteLength).toBe(7);
    expect(Reflect.ownKeys(value)).toEqual([]);
  });
});

describe('markAge', () => {
  const version = { createdAtMs: 1_000, expiresAtMs: null };
  const standard: SecretAttributes = {
    description: null,
    owner: null,
    labels: {},
    allowedHosts: [],
    kind: 'api_key',
    criticality: 'standard',
    rotateEveryDays: null,
    maximumAgeDays: null,
  };

  it.each([
    ['api_key', 'standard', 90],
    ['aws', 'standard', 90],
    ['stripe', 'standard', 180],
    ['database', 'standard', 90],
    ['jwt', 'standard', 180],
    ['oauth', 'standard', 90],
    ['stripe', 'critical', 30],
  ] as const)(
    '%s, %s: overdue from %i days on, ageing from three quarters',
    (kind, criticality, days) => {
      const secret = { ...standard, kind, criticality };
      expect(recommendedDays(kind, criticality)).toBe(days);
      const mark = (ageMs: number) => markAge(secret, version, version.createdAtMs + ageMs);
      expect(mark(days * DAY_MS)).toBe('overdue');
      expect(mark(days * DAY_MS - 1)).toBe('ageing');
      expect(mark(days * DAY_MS * 0.75)).toBe('ageing');
      expect(mark(days * DAY_MS * 0.75 - 1)).toBe('fresh');
    },
  );

  it('goes by the maximum age, else the interval, else the recommendation', () => {
    const nowMs = version.createdAtMs + 50 * DAY_MS;
    const mark = (more: Partial<SecretAttributes>) =>
      markAge({ ...standard, ...more }, version, nowMs);
    expect(mark({ rotateEveryDays: 40 })).toBe('overdue');
    expect(mark({ rotateEveryDays: 40, maximumAgeDays: 60 })).toBe('ageing');
    expect(mark({ maximumAgeDays: 100 })).toBe('fresh');
  });

  it('is overdue once it has expired, however young it is', () => {
    const ending = { createdAtMs: 0, expiresAtMs: 1_000 };
    expect(markAge(standard, ending, 999)).toBe('fresh');
    expect(markAge(standard, ending, 1_000)).toBe('overdue');
  });

  it('goes with when it is to be replaced: by its age, or before it expires', () => {
    const limits = { ...standard, rotateEveryDays: 40, maximumAgeDays: 60 };
    expect(rotateAtMs(limits, version)).toBe(version.createdAtMs + 40 * DAY_MS);
    expect(rotateAtMs(limits, { createdAtMs: 0, expiresAtMs: 50 * DAY_MS })).toBe(40 * DAY_MS);
    expect(rotateAtMs(limits, { createdAtMs: 0, expiresAtMs: 30 * DAY_MS })).toBe(30 * DAY_MS);
  });
});

describe('problemDocument', () => {
  it('holds the code, its status and title, and problems only where there are some', () => {
    expect(problemDocument('secret_missing', 'what to do', 'r1')).toEqual({
      type: 'urn:keyferry:error:secret_missing',
      title: 'The environment has no value for a secret',
      status: 500,
      code: 'secret_missing',
      detail: 'what to do',
      requestId: 'r1',
    });
    const problems = [{ path: 'a', message: 'b' }];
    expect(problemDocument('routes_invalid', 'd', 'r', problems).errors).toEqual(problems);
  });
});
