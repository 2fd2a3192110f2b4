import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { diffRoutes } from '../../src/config/index.js';
import type { Route } from '../../src/core/index.js';

const stripe: Route = {
  name: 'stripe',
  match: { pathPrefix: '/stripe', methods: ['GET'] },
  headers: { 'X-Key': '<<secret:a>>' },
  environments: {
    production: { upstream: 'https://a.example' },
    staging: { upstream: 'https://b.example' },
  },
};
const other: Route = { ...stripe, name: 'other-one', match: { pathPrefix: '/other' } };

describe('the difference of two documents', () => {
  it('is nothing between equal ones, in whatever order', () => {
    const schema = { $schema: './x.json', routes: [other, stripe] };
    expect(diffRoutes({ routes: [stripe, other] }, schema)).toEqual([]);
  });

  it('names routes and environments that came or went as a whole', () => {
    const { staging, ...rest } = stripe.environments;
    const from = { routes: [stripe] };
    const to = { routes: [other, { ...stripe, environments: { ...rest, development: staging! } }] };
    expect(diffRoutes(from, to)).toEqual([
      { path: 'routes["other-one"]', kind: 'added' },
      { path: 'routes.stripe.environments.development', kind: 'added' },
      { path: 'routes.stripe.environments.staging', kind: 'removed' },
    ]);
  });

  it('names what changed, to the single header', () => {
    const to: Route = {
      ...stripe,
      match: { pathPrefix: '/stripe', methods: ['GET', 'POST'] },
      headers: { 'X-Key': '<<secret:b>>', 'X-New': '1' },
      stripPrefix: false,
    };
    expect(diffRoutes({ routes: [stripe] }, { routes: [to] })).toEqual([
      { path: 'routes.stripe.headers["X-Key"]', kind: 'changed' },
      { path: 'routes.stripe.headers["X-New"]', kind: 'added' },
      { path: 'routes.stripe.match.methods', kind: 'changed' },
      { path: 'routes.stripe.stripPrefix', kind: 'added' },
    ]);
  });

  it('turns round with its sides', () => {
    const upstream = fc.constantFrom('https://a.example', 'https://b.example');
    const environments = fc.dictionary(
      fc.constantFrom('production', 'staging', 'development'),
      fc.record({ upstream, stripPrefix: fc.boolean() }, { requiredKeys: ['upstream'] }),
    );
    const route = fc.record({
      name: fc.constantFrom('a', 'b', 'c'),
      match: fc.constant({ pathPrefix: '/' }),
      environments,
    });
    const document = fc.record({
      routes: fc.uniqueArray(route, { selector: ({ name }) => name, maxLength: 3 }),
    });
    const turned = { added: 'removed', removed: 'added', changed: 'changed' } as const;
    fc.assert(
      fc.property(document, document, (left, right) => {
        const forth = diffRoutes(left, right).map(({ path, kind }) => ({
          path,
          kind: turned[kind],
        }));
        expect(diffRoutes(right, left)).toEqual(forth);
      }),
    );
  });
});
