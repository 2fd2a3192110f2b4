import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createRoutesControl, type RoutesControl } from '../../src/config/index.js';
import { AppError, type Problem, type Route, SecretValue } from '../../src/core/index.js';
import { openTestStore, TEST_ACTOR, type TestStore } from '../support/open-test-store.js';

let test: TestStore;
let control: RoutesControl;

beforeEach(async () => {
  test = await openTestStore();
  control = createRoutesControl({ store: test.store });
});

afterEach(() => test.cleanUp());

const actor = TEST_ACTOR;
const by = { actor, source: 'api' } as const;

async function addSecret(name: string, environments: string[], allowedHosts: string[] = []) {
  await test.store.createSecret({ actor, name, allowedHosts });
  for (const environment of environments) await addVersion(name, environment);
}

const addVersion = (secret: string, environment: string) =>
  test.store.addVersion({ actor, secret, environment, value: SecretValue.fromText('a value') });

const route = (changes: Partial<Route> = {}): Route => ({
  name: 'stripe',
  match: { pathPrefix: '/stripe' },
  headers: { Authorization: 'Bearer <<secret:stripe_key>>' },
  environments: {
    production: { upstream: 'https://api.stripe.com' },
    staging: { upstream: 'https://api.stripe.com' },
  },
  ...changes,
});
const of = (...routes: Route[]) => ({ document: { routes } });

async function refusal(work: Promise<unknown>): Promise<AppError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof AppError) return error;
  throw new Error('it was not refused');
}

const told = (problems: readonly Problem[]) => problems.map(({ path, message }) => [path, message]);

describe('applying routes', () => {
  it('makes numbered revisions, with what each route refers to', async () => {
    await addSecret('stripe_key', ['production', 'staging']);
    const first = await control.apply({ ...by, ...of(route()) });
    expect(first).toMatchObject({ changed: true, warnings: [], revision: { revision: 1 } });
    const second = await control.apply({ ...by, ...of(route({ stripPrefix: false })) });
    expect(second.revision).toMatchObject({ revision: 2, source: 'api' });
    expect(await test.store.currentRoutes()).toMatchObject({ revision: 2 });
    expect(await test.store.getSecret('stripe_key')).toMatchObject({ routes: ['stripe'] });
    const { references } = await control.validate(of(route()));
    expect(references).toEqual([
      { route: 'stripe', environment: 'production', secret: 'stripe_key', version: undefined },
      { route: 'stripe', environment: 'staging', secret: 'stripe_key', version: undefined },
    ]);
  });

  it('takes text with comments, and adds no revision for the document that is applied', async () => {
    await addSecret('stripe_key', ['production', 'staging']);
    const text = `// mine\n${JSON.stringify(of(route()).document)}`;
    expect(await control.apply({ ...by, source: 'file', text })).toMatchObject({ changed: true });
    expect(await control.apply({ ...by, source: 'file', text: `${text}\n` })).toMatchObject({
      changed: false,
      revision: { revision: 1, source: 'file' },
    });
  });

  it('is refused with every problem, its place and position, and changes nothing', async () => {
    await addSecret('stripe_key', ['production']);
    const bad = route({
      headers: { Authorization: 'Bearer <<secret:stripe_kye>>' },
      query: { key: '<<secret:stripe_key>>', pinned: '<<secret:stripe_key@7>>' },
      environments: {
        production: { upstream: 'https://api.stripe.com' },
        staging: { upstream: 'https://api.stripe.com' },
        prodution: { upstream: 'https://api.stripe.com' },
      },
    });
    const text = JSON.stringify({ routes: [bad] }, undefined, 2);
    const error = await refusal(control.apply({ ...by, text }));
    expect(error.code).toBe('routes_invalid');
    expect(error.message).toContain('Nothing was changed');
    expect(error.problems).toEqual([
      {
        path: 'routes[0].headers.Authorization',
        message: 'there is no secret "stripe_kye"',
        nearest: 'stripe_key',
        line: 9,
        column: 26,
      },
      expect.objectContaining({
        path: 'routes[0].environments.prodution',
        nearest: 'production',
      }),
      {
        path: 'routes[0].query.key',
        message: 'the secret "stripe_key" has no value in "staging"',
        line: 23,
        column: 16,
      },
      expect.objectContaining({
        path: 'routes[0].query.pinned',
        message: 'the secret "stripe_key" has no usable version 7 in "production"',
      }),
      expect.objectContaining({
        path: 'routes[0].query.pinned',
        message: 'the secret "stripe_key" has no usable version 7 in "staging"',
      }),
    ]);
    expect(await test.store.currentRoutes()).toBeUndefined();
  });

  it('lets missing values pass when told to, and warns of each', async () => {
    await addSecret('stripe_key', ['production']);
    const missing = route({ query: { new: '<<secret:unborn>>' } });
    expect((await refusal(control.apply({ ...by, ...of(missing) }))).problems).toHaveLength(2);
    const applied = await control.apply({ ...by, ...of(missing), allowMissing: true });
    expect(told(applied.warnings)).toEqual([
      ['routes[0].query.new', 'there is no secret "unborn"'],
      ['routes[0].headers.Authorization', 'the secret "stripe_key" has no value in "staging"'],
    ]);
    const undeclared = route({ environments: { qa: { upstream: 'https://a.example' } } });
    const error = await refusal(control.apply({ ...by, ...of(undeclared), allowMissing: true }));
    expect(error.problems).toHaveLength(1);
  });

  it('needs no value for a header that the environment overrides', async () => {
    await addSecret('stripe_key', ['production']);
    await addSecret('test_key', ['staging']);
    const overriding = route({
      environments: {
        production: { upstream: 'https://a.example' },
        staging: {
          upstream: 'https://a.example',
          headers: { authorization: '<<secret:test_key>>' },
        },
      },
    });
    const { problems, references } = await control.validate(of(overriding));
    expect(problems).toEqual([]);
    expect(references.map(({ environment, secret }) => [environment, secret])).toEqual([
      ['production', 'stripe_key'],
      ['staging', 'test_key'],
    ]);
  });

  it('names the place of an override', async () => {
    await addSecret('stripe_key', ['production', 'staging']);
    const overriding = route({
      environments: {
        production: { upstream: 'https://a.example' },
        staging: { upstream: 'https://a.example', headers: { AUTHORIZATION: '<<secret:nope>>' } },
      },
    });
    const { problems } = await control.validate(of(overriding));
    expect(problems.map(({ path }) => path)).toEqual([
      'routes[0].environments.staging.headers.AUTHORIZATION',
    ]);
  });

  it('does not count a revoked version as a value', async () => {
    await addSecret('stripe_key', ['production', 'staging']);
    await addVersion('stripe_key', 'production');
    const pinned = route({
      headers: { A: '<<secret:stripe_key@2>>' },
      environments: { production: { upstream: 'https://a.example' } },
    });
    expect((await control.validate(of(pinned))).problems).toEqual([]);
    const target = { actor, secret: 'stripe_key', environment: 'production', version: 2 };
    await test.store.revokeVersion({ ...target, force: { reason: 'test' } });
    expect(told((await control.validate(of(pinned))).problems)).toEqual([
      ['routes[0].headers.A', 'the secret "stripe_key" has no usable version 2 in "production"'],
    ]);
  });

  it('knows the fields of a value', async () => {
    await test.store.createSecret({ actor, name: 'aws' });
    const value = SecretValue.fromText('{"id":"1","key":"2"}');
    const target = { actor, secret: 'aws', environment: 'production' };
    await test.store.addVersion({ ...target, value, fields: ['id', 'key'] });
    const environments = { production: { upstream: 'https://a.example' } };
    const good = route({ environments, headers: { A: '<<secret:aws.id>>' } });
    expect((await control.validate(of(good))).problems).toEqual([]);
    const bad = route({ environments, headers: { A: '<<secret:aws.secret>>' } });
    expect(told((await control.validate(of(bad))).problems)).toEqual([
      [
        'routes[0].headers.A',
        'version 1 of "aws" in "production" has the fields id, key, not "secret"',
      ],
    ]);
  });

  it.each([
    ['https://api.stripe.com', ['api.stripe.com'], true],
    ['https://API.Stripe.com:8443/x', ['api.stripe.com'], true],
    ['https://api.stripe.com', ['*.stripe.com'], true],
    ['https://a.b.stripe.com', ['*.stripe.com'], true],
    ['https://api.stripe.com', ['x.com', '*.stripe.com'], true],
    ['https://api.stripe.com', [], true],
    ['https://stripe.com', ['*.stripe.com'], false],
    ['https://evilstripe.com', ['*.stripe.com'], false],
    ['https://api.stripe.com.evil.com', ['api.stripe.com'], false],
    ['https://evil.com', ['api.stripe.com'], false],
  ])('sends to %s a secret for %j: %s', async (upstream, allowedHosts, allowed) => {
    await addSecret('stripe_key', ['production'], allowedHosts);
    const one = of(route({ environments: { production: { upstream } } }));
    const { problems } = await control.validate({ ...one, allowMissing: true });
    expect(problems).toHaveLength(allowed ? 0 : 1);
    if (!allowed) expect(problems[0]?.message).toContain(allowedHosts.join(', '));
  });

  it('takes the name that a certificate is verified against for a host too', async () => {
    await addSecret('stripe_key', ['production'], ['api.stripe.com']);
    const environments = { production: { upstream: 'https://api.stripe.com' } };
    const checked = async (serverName: string) => {
      const one = of(route({ environments, tls: { serverName } }));
      return (await control.validate({ ...one, allowMissing: true })).problems;
    };
    expect(await checked('api.stripe.com')).toEqual([]);
    const [problem, ...more] = await checked('evil.com');
    expect(problem?.message).toContain('the "tls.serverName" in "production" is evil.com');
    expect(more).toEqual([]);
  });

  it('is refused when another revision came first', async () => {
    await control.apply({ ...by, ...of() });
    const error = await refusal(control.apply({ ...by, ...of(), ifRevision: 7 }));
    expect(error.code).toBe('precondition_failed');
    const same = await control.apply({ ...by, ...of(), ifRevision: 1 });
    expect(same).toMatchObject({ changed: false });
  });

  it('is refused for a document that is no document', async () => {
    for (const input of [{ text: '{' }, { document: undefined }, { document: [] }]) {
      expect(await refusal(control.apply({ ...by, ...input }))).toMatchObject({
        code: 'routes_invalid',
      });
    }
  });
});

describe('restoring routes', () => {
  it('applies an earlier document as the next revision', async () => {
    await addSecret('stripe_key', ['production', 'staging']);
    await control.apply({ ...by, ...of(route()) });
    await control.apply({ ...by, ...of() });
    const restored = await control.restore({ actor, revision: 1 });
    expect(restored.revision).toMatchObject({
      revision: 3,
      restores: 1,
      document: of(route()).document,
    });
    expect(await test.store.currentRoutes()).toMatchObject({ revision: 3 });
  });

  it('goes by the facts of today', async () => {
    await control.apply({ ...by, ...of(route()), allowMissing: true });
    await control.apply({ ...by, ...of() });
    expect(await refusal(control.restore({ actor, revision: 1 }))).toMatchObject({
      code: 'routes_invalid',
    });
    expect(await test.store.currentRoutes()).toMatchObject({ revision: 2 });
    expect(await refusal(control.restore({ actor, revision: 9 }))).toMatchObject({
      code: 'not_found',
    });
  });
});
