import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkRoutesDocument, namedIn, replaceSecret } from '../../src/config/index.js';
import {
  type CanonicalPart,
  compileCanonical,
  compileTemplate,
  type EffectiveRoute,
  effectiveRoute,
  type Route,
  type RoutesDocument,
  type TemplatePart,
} from '../../src/core/index.js';

const ENVIRONMENTS = ['production', 'staging', 'development'] as const;
const FORMS = [
  'Bearer <<secret:NAME>>',
  '{{secret:NAME}}',
  'key {{NAME}} and <<secret:other>>',
  '<<secret:NAME.field>>',
  '<<base64:NAME>>',
  '<<basic:NAME, other>>',
  '<<basic:other.user,NAME.password>>',
  '<<secret:NAME>>:<<secret:NAME_2>>:<<secret:xNAME>>',
  'no NAME here',
  '<<secret:NAME@3>>',
];

const text = fc
  .tuple(fc.constantFrom(...FORMS), fc.constantFrom('a', 'c'))
  .map(([form, name]) => form.replaceAll('NAME', name));
const texts = (...keys: readonly string[]) =>
  fc.option(fc.dictionary(fc.constantFrom(...keys), text, { maxKeys: 3 }), { nil: undefined });
const sign = fc.oneof(
  fc.record({
    hmac: fc.record({
      key: text,
      canonical: fc.constantFrom(
        '<<timestamp>>.<<body>>',
        '<<header:a>> <<secret:a>> <<method>>',
        '{{c}}<<path>>',
      ),
      prefix: fc.constantFrom('v1=', '<<secret:a>>,t=<<timestamp>>,'),
      header: fc.constant('X-Signature'),
    }),
  }),
  fc.record({
    aws: fc.record({
      credentials: fc.constantFrom('<<secret:a>>', '<<secret:c>>', '<<secret:a@2>>'),
      service: fc.constant('s3'),
      region: fc.constant('eu-central-1'),
    }),
  }),
);
const placements = fc.record(
  {
    headers: texts('Authorization', 'authorization', 'X-Key', 'x_key'),
    query: texts('key', 'token'),
    path: fc.option(
      text.map((value) => `/p${value}`),
      { nil: undefined },
    ),
    body: fc.option(fc.record({ json: texts('/a', '/b/c'), form: texts('f') }), {
      nil: undefined,
    }),
    sign: fc.option(sign, { nil: undefined }),
  },
  { requiredKeys: [] },
);
const ownPlacements = placements.map((own) => ({ upstream: 'https://api.example', ...own }));
const anyDocument: fc.Arbitrary<RoutesDocument> = fc
  .array(
    fc.record({
      shared: placements,
      environments: fc.dictionary(fc.constantFrom(...ENVIRONMENTS), ownPlacements, { minKeys: 1 }),
    }),
    { maxLength: 3 },
  )
  .map((routes) => ({
    routes: routes.map(({ shared, environments }, index) => {
      const route = { name: `r${index}`, match: { pathPrefix: `/${index}` }, ...shared };
      // As JSON has it: nothing is there and undefined.
      return JSON.parse(JSON.stringify({ ...route, environments })) as Route;
    }),
  }));

describe('replaceSecret', () => {
  it('changes the effective routes of one environment, and only the references', () => {
    fc.assert(
      fc.property(anyDocument, fc.constantFrom(...ENVIRONMENTS), (document, environment) => {
        const untouched = structuredClone(document);
        const replaced = replaceSecret(document, { from: 'a', to: 'b', environment });
        expect(document).toEqual(untouched);
        for (const [index, route] of document.routes.entries()) {
          const next = replaced.document.routes[index];
          if (next === undefined) throw new Error('a route was lost');
          for (const name of ENVIRONMENTS) {
            const before = effectiveRoute(route, name);
            const after = effectiveRoute(next, name);
            if (name !== environment) expect(after).toEqual(before);
            else expect(meaning(after, (it) => it)).toEqual(meaning(before, renamed));
          }
        }
        expect(unpinned(replaced.document, 'a', environment)).toEqual([]);
      }),
      { numRuns: 1500, seed: 41 },
    );
  });

  it('is taken back by replacing the other way round', () => {
    fc.assert(
      fc.property(anyDocument, fc.constantFrom(...ENVIRONMENTS), (document, environment) => {
        const there = replaceSecret(document, { from: 'a', to: 'b', environment });
        const back = replaceSecret(there.document, { from: 'b', to: 'a', environment });
        for (const [index, route] of document.routes.entries()) {
          for (const name of ENVIRONMENTS) {
            const now = back.document.routes[index];
            expect(now && effectiveRoute(now, name)).toEqual(effectiveRoute(route, name));
          }
        }
      }),
      { numRuns: 1000, seed: 42 },
    );
  });

  it('gives the environment a header of its own where others take the same, and their good document stays one', () => {
    const document = routes({
      headers: { Authorization: 'Bearer <<secret:a>>', Accept: '*/*' },
      environments: {
        production: { upstream: 'https://api.example' },
        staging: { upstream: 'https://api.example', headers: { 'X-Stage': '1' } },
      },
    });
    const { document: next, edits } = replaceSecret(document, {
      from: 'a',
      to: 'b',
      environment: 'staging',
    });
    expect(next.routes[0]).toEqual({
      ...document.routes[0],
      environments: {
        production: { upstream: 'https://api.example' },
        staging: {
          upstream: 'https://api.example',
          headers: { 'X-Stage': '1', Authorization: 'Bearer <<secret:b>>' },
        },
      },
    });
    expect(edits).toEqual([
      {
        path: ['routes', 0, 'environments', 'staging', 'headers', 'Authorization'],
        value: 'Bearer <<secret:b>>',
      },
    ]);
    expect(checkRoutesDocument(next).problems).toEqual([]);
  });

  it('changes the shared place itself where nobody else takes it', () => {
    const document = routes({
      headers: { Authorization: 'Bearer <<secret:a>>' },
      environments: {
        production: { upstream: 'https://api.example' },
        staging: {
          upstream: 'https://api.example',
          headers: { Authorization: 'Bearer <<secret:b>>' },
        },
      },
    });
    const replacement = { from: 'a', to: 'b', environment: 'production' };
    expect(replaceSecret(document, replacement).edits).toEqual([
      { path: ['routes', 0, 'headers', 'Authorization'], value: 'Bearer <<secret:b>>' },
    ]);
  });

  it('copies an inherited signature as a whole', () => {
    const hmac = { key: '<<secret:a>>', canonical: '<<secret:a>><<body>>', header: 'X-Signature' };
    const document = routes({
      sign: { hmac },
      environments: {
        production: { upstream: 'https://api.example' },
        staging: { upstream: 'https://api.example' },
      },
    });
    const replacement = { from: 'a', to: 'b', environment: 'staging' };
    const value = { hmac: { ...hmac, key: '<<secret:b>>', canonical: '<<secret:b>><<body>>' } };
    expect(replaceSecret(document, replacement).edits).toEqual([
      { path: ['routes', 0, 'environments', 'staging', 'sign'], value },
    ]);
  });

  it('leaves pinned references as they are, and says where they stand', () => {
    const document = routes({
      query: { key: '<<secret:a@3>>' },
      environments: {
        production: { upstream: 'https://api.example' },
        staging: { upstream: 'https://api.example', query: { key: '<<secret:a>>' } },
      },
    });
    const inProduction = replaceSecret(document, {
      from: 'a',
      to: 'b',
      environment: 'production',
    });
    expect(inProduction.document).toEqual(document);
    expect(inProduction.pinned).toEqual([
      {
        path: 'routes[0].query.key',
        message: 'it names a@3, a version of "a" alone: change it by hand first',
      },
    ]);
    // Its own parameter hides the pin.
    const inStaging = replaceSecret(document, { from: 'a', to: 'b', environment: 'staging' });
    expect(inStaging.pinned).toEqual([]);
  });

  it('finds where a secret is named', () => {
    const document = routes({
      headers: { Authorization: '<<secret:a.b>>', 'X-Pinned': '<<secret:a@2>>' },
      environments: {
        staging: { upstream: 'https://api.example', path: '/bot{{a}}' },
      },
    });
    expect(namedIn(document, 'a', 'staging')).toEqual([
      'routes[0].headers.Authorization',
      'routes[0].environments.staging.path',
    ]);
    expect(namedIn(document, 'a', 'production')).toEqual([]);
    expect(namedIn(document, 'b', 'staging')).toEqual([]);
  });
});

function routes(route: Omit<Route, 'name' | 'match'>): RoutesDocument {
  return { routes: [{ name: 'shop', match: { pathPrefix: '/shop' }, ...route }] };
}

type Part = TemplatePart | CanonicalPart;

/** An effective route with its texts as what they mean, and a say in each reference. */
function meaning(effective: EffectiveRoute | undefined, change: (part: Part) => Part): unknown {
  if (effective === undefined) return undefined;
  const plain = (text: string): unknown => compileTemplate(text).template.parts.map(change);
  const canonical = (text: string): unknown => compileCanonical(text).parts.map(change);
  const each = (entries: ReadonlyMap<string, string> | undefined): unknown =>
    entries && [...entries].map(([name, item]) => [name, plain(item)]);
  const { hmac, aws } = effective.sign ?? {};
  return {
    ...effective,
    headers: each(effective.headers),
    query: each(effective.query),
    path: effective.path && plain(effective.path),
    body: effective.body && {
      ...effective.body,
      json: each(effective.body.json),
      form: each(effective.body.form),
    },
    sign: {
      hmac: hmac && {
        ...hmac,
        key: plain(hmac.key),
        canonical: canonical(hmac.canonical),
        prefix: canonical(hmac.prefix ?? ''),
      },
      aws: aws && { ...aws, credentials: plain(aws.credentials) },
    },
  };
}

function renamed(part: Part): Part {
  return JSON.parse(
    JSON.stringify(part, (_, item: unknown) => {
      const isReference = typeof item === 'object' && item !== null && 'name' in item;
      if (!isReference || item.name !== 'a' || ('version' in item && item.version !== undefined)) {
        return item;
      }
      return 'type' in item ? item : { ...item, name: 'b' };
    }),
    (_, item: unknown) => item,
  ) as Part;
}

function unpinned(document: RoutesDocument, name: string, environment: string): string[] {
  return replaceSecret(document, { from: name, to: 'zzz', environment }).edits.map(({ path }) =>
    JSON.stringify(path),
  );
}
