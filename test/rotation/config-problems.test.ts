import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { configProblems } from '../../src/rotation/index.js';

const schema = z.discriminatedUnion('mode', [
  z.strictObject({ mode: z.literal('plain'), url: z.string().regex(/^https:/, 'a URL') }),
  z.strictObject({
    mode: z.literal('signed'),
    seconds: z.int().min(1).max(9).default(1),
    headers: z.array(z.strictObject({ name: z.string() })).optional(),
  }),
]);

describe('problems of a config', () => {
  it('are none where it fits', () => {
    expect(configProblems(schema, { mode: 'plain', url: 'https://a' })).toEqual([]);
  });

  it.each([
    [
      { mode: 'signed', secnds: 1 },
      'secnds',
      'is not known; expected mode, url, seconds, headers',
      'seconds',
    ],
    [{ mode: 'plain' }, 'url', 'missing; a string is expected', undefined],
    [{ mode: 'plain', url: 'canary' }, 'url', 'found a string; a URL', undefined],
    [
      { mode: 'signed', seconds: 'canary' },
      'seconds',
      'found a string; a number is expected',
      undefined,
    ],
    [
      { mode: 'signed', seconds: 0 },
      'seconds',
      'found a number; at least 1 is expected',
      undefined,
    ],
    [
      { mode: 'signed', seconds: 10 },
      'seconds',
      'found a number; at most 9 is expected',
      undefined,
    ],
    [
      { mode: 'signed', headers: [{ nam: 'x', name: 'y' }] },
      'headers[0].nam',
      'is not known; expected name',
      'name',
    ],
    [
      { mode: 'plain', url: 'https://a', 'a canary': 1 },
      '(another name)',
      'is not known; expected mode, url, seconds, headers',
      undefined,
    ],
    ['canary', '', 'found a string; an object is expected', undefined],
  ])('are told for %j', (config, path, message, nearest) => {
    const expected = nearest === undefined ? { path, message } : { path, message, nearest };
    expect(configProblems(schema, config)).toEqual([expected]);
  });
});
