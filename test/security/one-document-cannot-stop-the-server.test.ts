import { expect, test } from 'vitest';
import { checkRoutesDocument } from '../../src/config/index.js';

const environments = { production: { upstream: 'https://api.example.com' } };
const sound = (index: number) => ({
  name: `r${index}`,
  match: { pathPrefix: `/r${index}` },
  environments,
});
const many = <T>(length: number, item: (index: number) => T): T[] =>
  Array.from({ length }, (_, index) => item(index));
const keys = (length: number, value: unknown) =>
  Object.fromEntries(many(length, (index) => [`k ${index}`, value]));

/** Each takes at most the 10 MiB of a request body, and took gigabytes or minutes to be refused. */
const DOCUMENTS: readonly (readonly [what: string, routes: () => unknown[]])[] = [
  ['routes that are empty', () => many(3_400_000, () => ({}))],
  ['routes that are numbers', () => many(5_000_000, () => 1)],
  [
    'made-up methods',
    () =>
      many(100_000, (at) => ({ ...sound(at), match: { pathPrefix: '/', methods: [`M${at}`] } })),
  ],
  ['headers that are none', () => [{ ...sound(0), headers: keys(700_000, '') }]],
  [
    'headers that are numbers, by route',
    () => many(60, (at) => ({ ...sound(at), headers: keys(15_000, 1) })),
  ],
  ['methods without end', () => [{ ...sound(0), match: { methods: many(5_000_000, () => 1) } }]],
  ['one name for all', () => many(100_000, () => sound(0))],
];

test.each(DOCUMENTS)('a document with too much wrong is refused at once: %s', (_what, routes) => {
  const value = { routes: routes() };
  const before = process.cpuUsage();
  const { document, problems } = checkRoutesDocument(value);
  // What it takes of the processor, whatever else runs on it.
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1000).toBeLessThan(3000);
  expect(document).toBeUndefined();
  expect(problems.length).toBeGreaterThan(0);
  expect(problems.length).toBeLessThan(25_000);
});

test('warnings without end hide no error', () => {
  const plain = many(3000, (index) => ({ ...sound(index), headers: { Authorization: 'x' } }));
  const { warnings, problems } = checkRoutesDocument({ routes: [...plain, sound(7)] });
  expect(warnings).toHaveLength(1000);
  expect(problems.map(({ path }) => path)).toEqual(['routes[3000].name', 'routes[3000].match']);
});
