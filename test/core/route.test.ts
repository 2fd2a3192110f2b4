import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  DEFAULT_MAX_REQUEST_BYTES,
  DEFAULT_TIMEOUTS,
  effectiveRoute,
  normaliseHeaderName,
  type Route,
} from '../../src/core/index.js';

const route: Route = {
  name: 'stripe',
  match: { pathPrefix: '/stripe' },
  headers: { Authorization: 'route', 'X-Both': 'route' },
  query: { key: 'route' },
  timeouts: { connectMs: 1, headersMs: 2 },
  environments: {
    production: { upstream: 'https://a.example' },
    staging: {
      upstream: 'https://b.example/v1',
      headers: { authorization: 'own', x_both: 'own', 'X-New': 'own' },
      query: { KEY: 'own' },
      timeouts: { headersMs: 3 },
      stripPrefix: false,
      maxRequestBytes: 0,
      tls: { serverName: 'c.example' },
    },
  },
};

describe('effectiveRoute', () => {
  it('fills in defaults', () => {
    expect(effectiveRoute(route, 'production')).toMatchObject({
      route: 'stripe',
      environment: 'production',
      timeouts: { ...DEFAULT_TIMEOUTS, connectMs: 1, headersMs: 2 },
      stripPrefix: true,
      maxRequestBytes: DEFAULT_MAX_REQUEST_BYTES,
      allowPrivateNetwork: false,
      forwardClientAddress: false,
      echoScrub: undefined,
    });
  });

  it("lets the environment's own settings win, timeouts one by one", () => {
    expect(effectiveRoute(route, 'staging')).toMatchObject({
      timeouts: { connectMs: 1, headersMs: 3, idleMs: DEFAULT_TIMEOUTS.idleMs },
      stripPrefix: false,
      maxRequestBytes: 0,
      tls: { serverName: 'c.example' },
    });
  });

  it('replaces a header whatever its spelling, and a query parameter by its exact name', () => {
    const merged = effectiveRoute(route, 'staging');
    expect([...(merged?.headers ?? [])].sort()).toEqual([
      ['X-New', 'own'],
      ['authorization', 'own'],
      ['x_both', 'own'],
    ]);
    expect([...(merged?.query ?? [])].sort()).toEqual([
      ['KEY', 'own'],
      ['key', 'route'],
    ]);
  });

  it.each(['development', 'Production', '__proto__', 'constructor', 'toString'])(
    'does not exist in %s, which is not listed',
    (environment) => {
      expect(effectiveRoute(route, environment)).toBeUndefined();
    },
  );

  it('never gives one environment the upstream or headers of another', () => {
    const names = fc.uniqueArray(fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/), { minLength: 2 });
    fc.assert(
      fc.property(names, (environments) => {
        const many: Route = {
          name: 'r',
          match: { pathPrefix: '/' },
          environments: Object.fromEntries(
            environments.map((name, index) => [
              name,
              { upstream: `https://u${index}.example`, headers: { 'X-From': name } },
            ]),
          ),
        };
        for (const [index, name] of environments.entries()) {
          const effective = effectiveRoute(many, name);
          expect(effective?.upstream.hostname).toBe(`u${index}.example`);
          expect([...(effective?.headers ?? [])]).toEqual([['X-From', name]]);
        }
      }),
    );
  });

  it('keeps one entry for all spellings of a header', () => {
    const spelling = fc.constantFrom('X-Api-Key', 'x-api-key', 'X_API_KEY', 'X-API_Key', 'Accept');
    const headers = fc.dictionary(spelling, fc.string());
    fc.assert(
      fc.property(headers, headers, (base, own) => {
        const effective = effectiveRoute(
          {
            name: 'r',
            match: {},
            headers: base,
            environments: { e: { upstream: 'https://a.example', headers: own } },
          },
          'e',
        );
        const names = [...(effective?.headers.keys() ?? [])].map(normaliseHeaderName);
        expect(new Set(names).size).toBe(names.length);
        for (const name of [...Object.keys(base), ...Object.keys(own)]) {
          expect(names).toContain(normaliseHeaderName(name));
        }
        const last = Object.entries(own).at(-1);
        if (last !== undefined) expect(effective?.headers.get(last[0])).toBe(last[1]);
      }),
    );
  });
});
