import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkRoutesDocument } from '../../src/config/index.js';
import type { RouteMatch } from '../../src/core/index.js';

const conflictsOf = (...matches: RouteMatch[]) =>
  checkRoutesDocument({
    routes: matches.map((match, index) => ({
      name: `r${index}`,
      match,
      environments: { production: { upstream: 'https://a.example.com' } },
    })),
  }).problems;

describe('two routes', () => {
  it.each<[RouteMatch, RouteMatch]>([
    [{ pathPrefix: '/a' }, { pathPrefix: '/a' }],
    [{ host: 'a.example' }, { host: 'A.example' }],
    [{ host: 'a.example' }, { host: 'a.example', pathPrefix: '/' }],
    [{ host: '*.a.example' }, { host: '*.A.example' }],
    [
      { pathPrefix: '/a', methods: ['GET', 'PUT'] },
      { pathPrefix: '/a', methods: ['PUT', 'POST'] },
    ],
  ])('%j and %j are in conflict', (left, right) => {
    expect(conflictsOf(left, { pathPrefix: '/other' }, right)).toEqual([
      {
        path: 'routes[2].match',
        message: expect.stringContaining('"r2" and "r0" match the same requests'),
      },
    ]);
  });

  it.each<[RouteMatch, RouteMatch]>([
    [{ pathPrefix: '/a' }, { pathPrefix: '/A' }],
    [{ pathPrefix: '/a' }, { pathPrefix: '/a/b' }],
    [{ pathPrefix: '/a' }, { pathPrefix: '/a', methods: ['GET'] }],
    [{ pathPrefix: '/a' }, { pathPrefix: '/a', host: 'a.example' }],
    [{ host: 'a.example' }, { host: '*.example' }],
    [{ host: '*.a.example' }, { host: '*.example' }],
    [
      { pathPrefix: '/a', methods: ['GET'] },
      { pathPrefix: '/a', methods: ['POST'] },
    ],
  ])('%j and %j have an order', (left, right) => {
    expect(conflictsOf(left, right)).toEqual([]);
  });

  it('may not have one name', () => {
    const route = { environments: { production: { upstream: 'https://a.example.com' } } };
    const { problems } = checkRoutesDocument({
      routes: [
        { ...route, name: 'a', match: { pathPrefix: '/a' } },
        { ...route, name: 'a', match: { pathPrefix: '/b' } },
      ],
    });
    expect(problems).toEqual([
      { path: 'routes[1].name', message: expect.stringContaining('routes[0]') },
    ]);
  });
});

describe('the rule of specificity', () => {
  const HOSTS = ['x.example', 'a.x.example', 'b.a.x.example'];
  const PATHS = ['/', '/a', '/a/b', '/b'];
  const METHODS = ['GET', 'PUT'];

  const match: fc.Arbitrary<RouteMatch> = fc
    .record(
      {
        host: fc.constantFrom(...HOSTS, '*.example', '*.x.example', '*.a.x.example'),
        pathPrefix: fc.constantFrom(...PATHS),
        methods: fc.subarray(METHODS, { minLength: 1 }),
      },
      { requiredKeys: [] },
    )
    .filter(({ host, pathPrefix }) => host !== undefined || pathPrefix !== undefined);

  // Written from the contract alone, without regard to how the check groups routes.
  const takes = (m: RouteMatch, host: string, path: string, method: string): boolean => {
    const prefix = m.pathPrefix ?? '/';
    const hostFits =
      m.host === undefined ||
      (m.host.startsWith('*.') ? host.endsWith(m.host.slice(1)) : host === m.host);
    const pathFits = prefix === '/' || path === prefix || path.startsWith(`${prefix}/`);
    return hostFits && pathFits && (m.methods === undefined || m.methods.includes(method));
  };
  const rank = (m: RouteMatch): number[] => {
    const exact = m.host !== undefined && !m.host.startsWith('*.');
    const prefix = m.pathPrefix ?? '/';
    const segments = prefix === '/' ? 0 : prefix.split('/').length - 1;
    return [exact ? 1000 : (m.host?.length ?? 0), segments, m.methods === undefined ? 0 : 1];
  };

  it('leaves two routes without an order for some request exactly when they are refused', () => {
    fc.assert(
      fc.property(match, match, (left, right) => {
        const undecided = HOSTS.some((host) =>
          PATHS.some((path) =>
            METHODS.some(
              (method) =>
                takes(left, host, path, method) &&
                takes(right, host, path, method) &&
                JSON.stringify(rank(left)) === JSON.stringify(rank(right)),
            ),
          ),
        );
        expect(conflictsOf(left, right).length > 0).toBe(undecided);
      }),
      { numRuns: 3000 },
    );
  });
});
