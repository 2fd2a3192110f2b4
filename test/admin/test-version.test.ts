import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AppError, type ProbeAnswer, type ProbeRequest, type Route } from '../../src/core/index.js';
import { addSecret, route, startAdmin, type TestAdmin } from './start-admin.js';

const GOOD: ProbeAnswer = {
  status: 200,
  code: undefined,
  detail: undefined,
  outcome: 'accepted',
  injected: ['key@2'],
  durationMs: 1.239,
};

let admin: TestAdmin;
let asked: ProbeRequest[];
let answer: ProbeAnswer | AppError;

beforeEach(async () => {
  asked = [];
  answer = GOOD;
  admin = await startAdmin({
    prober: {
      probe: async (request) => {
        asked.push(request);
        if (answer instanceof AppError) throw answer;
        return answer;
      },
    },
  });
  await addSecret(admin, 'key', ['production', 'staging']);
  await admin.call('POST', '/v1/secrets/key/environments/production/versions', {
    body: { value: 'the-next-value-of-key' },
  });
});
afterEach(() => admin.stop());

const apply = (...routes: readonly Route[]) =>
  admin.call('PUT', '/v1/routes?allowMissing=true', { body: { routes } });

const path = (version: number, environment = 'production', name = 'key') =>
  `/v1/secrets/${name}/environments/${environment}/versions/${version}/test`;

const tryIt = (body: object = {}, options: { token?: string; path?: string } = {}) => {
  const { path: target = path(2), ...rest } = options;
  return admin.call('POST', target, { body, ...rest });
};

describe('testing a version', () => {
  test('sends the probe of the only route that names the secret, and says what came of it', async () => {
    const probe = { method: 'HEAD', path: '/me?x=1', expectedStatus: 204 };
    await apply({ ...route('one', 'key'), probe }, route('two', 'other'), route('three', 'key@1'));
    const published = admin.published();
    const { status, body } = await tryIt();
    expect(status).toBe(200);
    expect(body).toEqual({
      secret: 'key',
      environment: 'production',
      version: 2,
      state: 'staged',
      route: 'one',
      method: 'HEAD',
      path: '/me?x=1',
      status: 200,
      outcome: 'unclear',
      injected: ['key@2'],
      code: null,
      detail: null,
      durationMs: 1.24,
    });
    expect(asked).toEqual([
      {
        route: 'one',
        environment: 'production',
        method: 'HEAD',
        path: '/me?x=1',
        with: { secret: 'key', version: 2, toSecret: null },
      },
    ]);
    answer = { ...GOOD, status: 204 };
    expect((await tryIt()).body.outcome).toBe('accepted');
    expect(admin.published()).toBe(published);
    const audit = await admin.call('GET', '/v1/audit?action=version.test&secret=key');
    expect(audit.body.items).toMatchObject([
      { environment: 'production', detail: { version: 2, route: 'one', status: 204 } },
      { detail: { outcome: 'unclear' } },
    ]);
  });

  test('sends what it is told instead, of which nothing special is expected', async () => {
    const probe = { path: '/me', expectedStatus: 204 };
    await apply({ ...route('one', 'key'), probe });
    expect((await tryIt({ path: '/else' })).body.outcome).toBe('accepted');
    expect((await tryIt({ method: 'POST' })).body.outcome).toBe('accepted');
    await apply(route('one', 'key'));
    expect((await tryIt()).body).toMatchObject({ method: 'GET', path: '/' });
    expect(asked.map((one) => [one.method, one.path])).toEqual([
      ['GET', '/else'],
      ['POST', '/me'],
      ['GET', '/'],
    ]);
  });

  test.each([
    [{ status: 302 }, 302, 'accepted'],
    [{ status: 401, outcome: 'refused' }, 401, 'refused'],
    [{ status: 404 }, 404, 'unclear'],
    [{ status: 503, outcome: 'failed' }, 503, 'failed'],
    [{ status: 0, outcome: 'failed', code: 'upstream_unreachable', detail: 'x' }, null, 'failed'],
  ] as const)('%j is %j %s', async (came, status, outcome) => {
    await apply(route('one', 'key'));
    answer = { ...GOOD, ...came };
    const { body } = await tryIt();
    expect(body).toMatchObject({ status, outcome });
    expect(body.code).toBe('code' in came ? came.code : null);
  });

  test('needs to be told the route where several name the secret, and one that does', async () => {
    const none = await tryIt();
    expect(none).toMatchObject({ status: 404, body: { code: 'route_not_found' } });
    expect(none.body.detail).toContain('No route places "key" in production');
    await apply(route('one', 'key'), route('two', 'key'), route('else', 'key', ['staging']));
    const many = await tryIt();
    expect(many.status).toBe(400);
    expect(many.body.detail).toContain('one, two.');
    const wrong = await tryIt({ route: 'tow' });
    expect(wrong).toMatchObject({
      status: 404,
      body: { code: 'route_not_found', errors: [{ path: 'route', nearest: 'two' }] },
    });
    expect((await tryIt({ route: 'else' })).status).toBe(404);
    expect(asked).toEqual([]);
    expect((await tryIt({ route: 'two' })).body.route).toBe('two');
  });

  test('refuses what is not there or cannot be sent', async () => {
    await apply(route('one', 'key'));
    const statusOf = async (...args: Parameters<typeof tryIt>) => {
      const { status, body } = await tryIt(...args);
      return [status, body.code];
    };
    expect(await statusOf({}, { path: path(9) })).toEqual([404, 'not_found']);
    expect(await statusOf({}, { path: path(1, 'prod') })).toEqual([422, 'environment_unknown']);
    expect(await statusOf({}, { path: path(1, 'production', 'kee') })).toEqual([404, 'not_found']);
    expect(await statusOf({ path: 'me' })).toEqual([400, 'invalid_request']);
    expect(await statusOf({ method: 'DELETE' })).toEqual([400, 'invalid_request']);
    expect(await statusOf({ paht: '/' })).toEqual([400, 'invalid_request']);
    expect(asked).toEqual([]);
    answer = { ...GOOD, status: 0, code: 'request_rejected', detail: 'Dot segments.' };
    expect(await statusOf({ path: '/../x' })).toEqual([400, 'invalid_request']);
    answer = new AppError('route_not_found', 'It is not served here.');
    expect(await statusOf()).toEqual([404, 'route_not_found']);
  });

  test('a viewer cannot, and a limited token only on routes within its limits', async () => {
    const both = { Authorization: 'Bearer <<secret:key>>', 'X-Other': '<<secret:other>>' };
    await apply(route('one', 'key'), { ...route('two', 'key'), headers: both });
    const viewer = await admin.mint({ role: 'viewer' });
    expect((await tryIt({}, { token: viewer })).status).toBe(403);
    const staging = await admin.mint({ role: 'operator', environments: ['staging'] });
    expect((await tryIt({ route: 'one' }, { token: staging })).status).toBe(404);
    const other = await admin.mint({ role: 'operator', secretPrefix: 'oth' });
    expect((await tryIt({ route: 'one' }, { token: other })).status).toBe(404);
    const limited = await admin.mint({ role: 'operator', secretPrefix: 'key' });
    const refused = await tryIt({ route: 'two' }, { token: limited });
    expect(refused.status).toBe(404);
    // Of a route that also sends another secret it learns nothing, not even its name.
    expect(refused.text).not.toContain('two');
    expect(asked).toEqual([]);
    expect((await tryIt({}, { token: limited })).body.route).toBe('one');
  });
});
