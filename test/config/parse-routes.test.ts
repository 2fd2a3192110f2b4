import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkRoutesDocument, parseRoutesText } from '../../src/config/index.js';

const route = {
  name: 'a',
  match: { pathPrefix: '/a' },
  environments: { production: { upstream: 'https://a.example.com' } },
};

describe('the text of a routes document', () => {
  it('may have comments, trailing commas and a byte order mark', () => {
    const text = `\uFEFF// mine\n{ /* all */ "routes": [${JSON.stringify(route)},], }`;
    expect(parseRoutesText(text)).toMatchObject({ problems: [], document: { routes: [route] } });
  });

  it.each([
    ['', 1, 1, 'a value is expected'],
    ['{"routes": [}', 1, 13, 'a value is expected'],
    ['{\n  "routes": []\n  "x": 1}', 3, 3, '"," is expected'],
    ["{'routes': []}", 1, 2, 'double quotes'],
    ['{"routes": []} 1', 1, 16, 'more text follows'],
    ['{"routes": [] // end', 1, 21, '"}" is expected'],
    ['{"routes": "\n"}', 1, 12, 'never closed'],
    ['{"routes": []} /* end', 1, 16, 'never closed'],
    ['{"routes": ["\\x"]}', 1, 13, 'no such escape'],
    [`${'['.repeat(100_000)}`, 1, 65, 'nested deeper than 64'],
  ])('%j is refused at line %i, column %i', (text, line, column, message) => {
    const { document, problems } = parseRoutesText(text, 'routes.json');
    expect(document).toBeUndefined();
    const expected = {
      path: 'routes.json',
      message: expect.stringContaining(message),
      line,
      column,
    };
    expect(problems).toContainEqual(expected);
  });

  it('may not name a key twice, at any depth', () => {
    const twice = `{"routes": [{"name": "a", "match": {"host": "a.b"},
      "environments": {"production": {"upstream": "https://a.b"}, "production": {"upstream": "https://c.d"}}}]}`;
    expect(parseRoutesText(twice).problems).toEqual([
      {
        path: 'routes[0].environments.production',
        message: 'the key "production" stands more than once in this object; keep one',
        line: 2,
        column: expect.any(Number),
      },
    ]);
  });

  it('gives the line and column of each problem, in the order of the text', () => {
    const text = '{\n  "routes": [\n    {"name": 1},\n    {"nam": "b"}\n  ]\n}';
    const { problems } = parseRoutesText(text);
    expect(problems.map(({ path, line, column }) => [path, line, column])).toEqual([
      ['routes[0].match', 3, 5],
      ['routes[0].environments', 3, 5],
      ['routes[0].name', 3, 14],
      ['routes[1].name', 4, 5],
      ['routes[1].match', 4, 5],
      ['routes[1].environments', 4, 5],
      ['routes[1].nam', 4, 13],
    ]);
  });

  it('means what JSON.parse says, for any JSON', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), fc.constantFrom(undefined, 1, 2), (json, indent) => {
        const value: unknown = JSON.parse(json);
        const text = JSON.stringify(value, undefined, indent);
        const strip = (all: readonly { path: string; message: string }[]) =>
          all.map(({ path, message }) => `${path} ${message}`).sort();
        const parsed = parseRoutesText(text);
        expect(strip(parsed.problems)).toEqual(strip(checkRoutesDocument(value).problems));
      }),
    );
  });

  it('never makes the check throw, whatever it is', () => {
    const whole = JSON.stringify({ routes: [route] }, undefined, 1);
    const piece = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '\\',
      '/*',
      '//',
      'null',
      '\n',
      '\0',
    );
    fc.assert(
      fc.property(fc.nat(whole.length), fc.nat(5), piece, (at, drop, put) => {
        const text = whole.slice(0, at) + put + whole.slice(at + drop);
        const { document, problems } = parseRoutesText(text);
        expect(document === undefined).toBe(problems.length > 0);
        const lines = text.split('\n');
        for (const { line = 1, column = 1 } of problems) {
          expect(lines[line - 1]?.length).toBeGreaterThanOrEqual(column - 1);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('is located in time that does not grow with the square of its length', () => {
    const routes = Array.from({ length: 20_000 }, (_, index) => ({
      ...route,
      name: index < 19_100 ? `r${index}` : `r ${index}`,
      match: { pathPrefix: `/r${index}` },
    }));
    const { problems } = parseRoutesText(JSON.stringify({ routes }, undefined, 1));
    expect(problems.filter(({ path }) => path.endsWith('.name'))).toHaveLength(900);
    expect(problems.at(-1)?.line).toBeGreaterThan(200_000);
  });
});

it('of what is no JSON at all not every mistake is told', () => {
  const { problems } = parseRoutesText('x\n'.repeat(100_000));
  expect(problems).toHaveLength(1000);
  expect(problems.at(-1)).toMatchObject({ line: expect.any(Number) });
});
