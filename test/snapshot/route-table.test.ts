import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Route } from '../../src/core/index.js';
import { compileRoutes } from '../../src/snapshot/compile-routes.js';

const stats = { statsFor: () => ({ record: () => undefined }) };
const tableOf = (matches: readonly Route['match'][]) =>
  compileRoutes(
    { routes: matches.map((match, index) => ({ name: String(index), match, environments: {} })) },
    [],
    undefined,
    stats,
    undefined,
  ).table;

/** The documented rule, written down as slowly as it reads. */
function naive(
  matches: readonly Route['match'][],
  method: string,
  host: string,
  path: string,
): number | undefined {
  const name = host.toLowerCase().replace(/:\d+$/, '').replace(/\.$/, '');
  const rank = ({
    host: wanted,
    pathPrefix = '/',
    methods,
  }: Route['match']): number[] | undefined => {
    const suffix = wanted?.startsWith('*.') ? wanted.slice(1).toLowerCase() : undefined;
    const hostRank = wanted === undefined ? 0 : suffix === undefined ? 1000 : suffix.length;
    if (suffix !== undefined && !(name.endsWith(suffix) && name.length > suffix.length))
      return undefined;
    if (wanted !== undefined && suffix === undefined && wanted.toLowerCase() !== name)
      return undefined;
    const prefix = pathPrefix === '/' ? '' : pathPrefix;
    if (path !== prefix && !path.startsWith(`${prefix}/`)) return undefined;
    if (methods !== undefined && !methods.includes(method)) return undefined;
    return [hostRank, prefix.length, methods === undefined ? 0 : 1];
  };
  let best: number | undefined;
  let bestRank: number[] = [];
  matches.forEach((match, index) => {
    const found = rank(match);
    if (found === undefined) return;
    const better = found.findIndex((value, i) => value !== (bestRank[i] ?? -1));
    if (best === undefined || (better !== -1 && (found[better] ?? 0) > (bestRank[better] ?? -1))) {
      best = index;
      bestRank = found;
    }
  });
  return best;
}

const segment = fc.constantFrom('a', 'b', 'ab', 'a%2fb', '@x');
const path = fc.array(segment, { maxLength: 4 }).map((parts) => `/${parts.join('/')}`);
const match = fc.record(
  {
    pathPrefix: path,
    host: fc.constantFrom('a.test', 'b.a.test', '*.a.test', '*.test', 'A.Test'),
    methods: fc.constantFrom(['GET'], ['POST'], ['DELETE', 'PUT']),
  },
  { requiredKeys: [] },
);
const host = fc.constantFrom(
  'a.test',
  'A.TEST:8080',
  'b.a.test',
  'c.b.a.test.',
  'test',
  'x.test',
  '.test',
  '',
  '[::1]:80',
);

/** Two routes that match the same are refused before they come here. */
const key = ({ host: wanted = '', pathPrefix = '/', methods }: Route['match']): string =>
  `${wanted.toLowerCase()} ${pathPrefix} ${methods === undefined}`;

test('the table finds what the rule says', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(match, { selector: key, maxLength: 30 }),
      fc.constantFrom('GET', 'POST', 'PUT', 'PATCH'),
      host,
      fc.tuple(path, fc.constantFrom('', '/', '/x')).map(([start, end]) => start + end),
      (matches, method, wanted, target) => {
        const found = tableOf(matches).match(method, wanted, target);
        expect(found?.name).toBe(naive(matches, method, wanted, target)?.toString());
      },
    ),
    { numRuns: 3000 },
  );
});

test.each([
  ['/a', '/a'],
  ['/a/', '/a'],
  ['/a/b', '/a/b'],
  ['/a/b/c', '/a/b'],
  ['/ab', '/'],
  ['/a%2fb', '/'],
  ['/A', '/'],
])('%s is taken by %s: whole segments, as they are written', (target, expected) => {
  const prefixes = ['/', '/a', '/a/b'];
  const table = tableOf(prefixes.map((pathPrefix) => ({ pathPrefix })));
  expect(prefixes[Number(table.match('GET', undefined, target)?.name)]).toBe(expected);
});

test('a host without a matching prefix falls through to the less specific one', () => {
  const table = tableOf([
    { host: 'a.test', pathPrefix: '/x' },
    { host: '*.test', pathPrefix: '/y' },
    { pathPrefix: '/' },
  ]);
  expect(['/x', '/y', '/z'].map((at) => table.match('GET', 'a.test', at)?.name)).toEqual([
    '0',
    '1',
    '2',
  ]);
});

test('the depth of the path asked for costs nothing beyond the deepest route', () => {
  const table = tableOf([{ pathPrefix: '/a' }]);
  const deep = `/a${'/x'.repeat(30_000)}`;
  const startedAt = performance.now();
  for (let i = 0; i < 1000; i++) expect(table.match('GET', undefined, deep)?.name).toBe('0');
  expect(performance.now() - startedAt).toBeLessThan(1000);
});
