import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PROVIDERS_ENVIRONMENT } from '../../src/core/index.js';
import { addSecret, type Reply } from '../admin/start-admin.js';
import { startRotations, type TestRotations } from '../admin/start-rotations.js';

/** Threat: a limited operator uses credentials, or changes what is rotated, beyond the limits of the token. */
let rotations: TestRotations;
const call: TestRotations['admin']['call'] = (...args) => rotations.admin.call(...args);
let staging: string;
let prefixed: string;
let both: string;
let viewer: string;
let production: Reply['body'];
let own: Reply['body'];

beforeAll(async () => {
  rotations = await startRotations();
  const { admin } = rotations;
  await addSecret(admin, 'pay_key', ['production', 'staging']);
  await addSecret(admin, 'web_key', ['production', 'staging']);
  await addSecret(admin, 'pay_rotator', [PROVIDERS_ENVIRONMENT]);
  await addSecret(admin, 'web_rotator', [PROVIDERS_ENVIRONMENT]);
  staging = await admin.mint({ role: 'operator', environments: ['staging'] });
  prefixed = await admin.mint({ role: 'operator', secretPrefix: 'pay_' });
  both = await admin.mint({
    role: 'operator',
    environments: ['staging', PROVIDERS_ENVIRONMENT],
    secretPrefix: 'pay_',
  });
  viewer = await admin.mint({ role: 'viewer' });
  production = (
    await rotations.enable('web_key', { config: { account: 'w', rotatorSecret: 'web_rotator' } })
  ).body;
  own = (
    await rotations.enable('pay_key', {
      environment: 'staging',
      config: { account: 'p', rotatorSecret: 'pay_rotator' },
    })
  ).body;
});
afterAll(() => rotations.stop());

const CALLS: readonly [method: string, rest: string, body?: unknown][] = [
  ['GET', ''],
  ['GET', '/history'],
  ['GET', '/events'],
  ['PATCH', '', { intervalDays: 1 }],
  ['POST', '/rotate', { emergency: true }],
  ['POST', '/pause'],
  ['POST', '/resume'],
  ['POST', '/rollback'],
  ['POST', '/value', { value: 'x' }],
  ['POST', '/check'],
  ['DELETE', ''],
];

test('what lies outside is not there, whatever is asked of it', async () => {
  for (const token of [staging, prefixed, both]) {
    for (const [method, rest, body] of CALLS) {
      const path = `/v1/rotations/${production.id}${rest}`;
      const reply = await call(method, path, { token, body });
      expect([method, path, reply.status]).toEqual([method, path, 404]);
      expect(reply.text).not.toContain('web');
    }
    const list = await call('GET', '/v1/rotations', { token });
    expect(list.body.items.map((item: { id: string }) => item.id)).toEqual([own.id]);
    expect(list.text).not.toContain('web');
  }
  expect(
    (await call('GET', '/v1/rotations?environment=production', { token: staging })).status,
  ).toBe(404);
  expect((await call('GET', '/v1/rotations?secret=web_key', { token: prefixed })).status).toBe(404);
  const { body } = await call('GET', `/v1/rotations/${production.id}`);
  expect(body).toMatchObject({ state: 'active', run: null, intervalDays: 90 });
});

test('secrets show rotations only where the token sees them', async () => {
  const { body } = await call('GET', '/v1/secrets/pay_key', { token: staging });
  expect(body.environments.map((held: { environment: string }) => held.environment)).toEqual([
    'staging',
  ]);
  expect(body.environments[0].rotation.id).toBe(own.id);
});

describe('a credential of another', () => {
  const enable = (token: string, rotatorSecret: string | undefined) =>
    rotations.enable(
      'pay_key',
      { environment: 'staging', config: { account: 'q', rotatorSecret } },
      { token },
    );

  test('cannot be named, and nothing is said about whether it is there', async () => {
    const attempts: [string, string][] = [
      [staging, 'pay_rotator'],
      [staging, 'no_such'],
      [prefixed, 'web_rotator'],
      [both, 'web_rotator'],
      [both, 'web_such'],
    ];
    for (const [token, name] of attempts) {
      const replies = [
        await enable(token, name),
        await call('POST', '/v1/rotations/check', {
          token,
          body: {
            secret: 'pay_key',
            environment: 'staging',
            provider: 'custom',
            config: { account: 'q', rotatorSecret: name },
          },
        }),
        await call('PATCH', `/v1/rotations/${own.id}`, {
          token,
          body: { config: { account: 'q', rotatorSecret: name } },
        }),
      ];
      for (const reply of replies) {
        expect([name, reply.status, reply.body.code]).toEqual([name, 403, 'forbidden']);
        expect(reply.body.detail).toContain('config.rotatorSecret');
        expect(reply.text).not.toContain('did you mean');
        expect(reply.body.errors).toBeUndefined();
      }
    }
  });

  test('is not shown to whom it is not within reach, in lists, details and events', async () => {
    for (const [token, shown] of [
      [staging, undefined],
      [both, 'pay_rotator'],
      [prefixed, 'pay_rotator'],
    ] as const) {
      const detail = await call('GET', `/v1/rotations/${own.id}`, { token });
      expect(detail.body.config).toEqual(
        shown === undefined ? { account: 'p' } : { account: 'p', rotatorSecret: shown },
      );
      const list = await call('GET', '/v1/rotations', { token });
      const events = await call('GET', `/v1/rotations/${own.id}/events`, { token });
      expect([list.text, events.text].map((text) => text.includes('pay_rotator'))).toEqual([
        shown !== undefined,
        shown !== undefined,
      ]);
    }
  });

  test('may be used as it was enabled by whoever has the environment', async () => {
    expect((await call('POST', `/v1/rotations/${own.id}/check`, { token: staging })).status).toBe(
      200,
    );
    const changed = await call('PATCH', `/v1/rotations/${own.id}`, {
      token: staging,
      body: { intervalDays: 7 },
    });
    expect([changed.status, changed.body.intervalDays]).toEqual([200, 7]);
    const kept = await call('GET', `/v1/rotations/${own.id}`);
    expect(kept.body.config).toEqual({ account: 'p', rotatorSecret: 'pay_rotator' });
  });

  test('is not lost by a change of the settings that it is hidden from', async () => {
    const id = own.id;
    for (const config of [{ account: 'p' }, { account: 'q' }, {}]) {
      const reply = await call('PATCH', `/v1/rotations/${id}`, {
        token: staging,
        body: { config },
      });
      expect(reply.body.code).toBe(config.account === undefined ? 'invalid_request' : 'forbidden');
      expect(reply.text).not.toContain('rotator');
    }
    const kept = await call('GET', `/v1/rotations/${id}`);
    expect(kept.body.config).toEqual({ account: 'p', rotatorSecret: 'pay_rotator' });
    const config = { account: 'p2', rotatorSecret: 'pay_rotator' };
    const changed = await call('PATCH', `/v1/rotations/${id}`, { token: both, body: { config } });
    expect([changed.status, changed.body.config]).toEqual([200, config]);
    await call('PATCH', `/v1/rotations/${id}`, { body: { config: { account: 'q' } } });
    const free = { config: { account: 'p' } };
    const reply = await call('PATCH', `/v1/rotations/${id}`, { token: staging, body: free });
    expect([reply.status, reply.body.config]).toEqual([200, free.config]);
    const back = { account: 'p', rotatorSecret: 'pay_rotator' };
    await call('PATCH', `/v1/rotations/${id}`, { body: { config: back } });
  });

  test('within reach it may be named, and is said to be missing where it is', async () => {
    const missing = await enable(both, 'pay_rotatr');
    expect([missing.status, missing.body.errors[0].nearest]).toEqual([400, 'pay_rotator']);
    const conflict = await enable(both, 'pay_rotator');
    expect(conflict.body.code).toBe('conflict');
  });
});

test('a viewer changes nothing and asks no provider', async () => {
  for (const [method, rest, body] of CALLS) {
    if (method === 'GET') continue;
    const path = `/v1/rotations/${production.id}${rest}`;
    const reply = await call(method, path, { token: viewer, body });
    expect([path, reply.status, reply.body.code]).toEqual([path, 403, 'forbidden']);
  }
  expect((await rotations.enable('web_key', {}, { token: viewer })).status).toBe(403);
  expect((await call('GET', `/v1/rotations/${production.id}`, { token: viewer })).status).toBe(200);
});

describe('the calendar', () => {
  const addressFor = async (token?: string): Promise<string> =>
    (await call('GET', '/v1/rotations/calendar', token === undefined ? {} : { token })).body.path;

  test('shows what its admin sees, without a header', async () => {
    const everything = await call('GET', await addressFor(), { token: null });
    expect(everything.status).toBe(200);
    expect(everything.headers.get('content-type')).toBe('text/calendar; charset=utf-8');
    expect(everything.headers.get('cache-control')).toBe('no-store');
    expect(everything.text).toContain('Rotation of web_key in production');
    const some = await call('GET', await addressFor(staging), { token: null });
    expect(some.text).toContain('Rotation of pay_key in staging');
    expect(some.text).toContain('Rotate web_key in staging (by hand)');
    expect(some.text).not.toContain('production');
    expect(some.text).not.toContain('rotator');
  });

  test('its token is good for nothing else', async () => {
    const address = await addressFor();
    const token = new URL(address, 'http://x').searchParams.get('feed') ?? '';
    expect(token).toMatch(/^kff_/);
    for (const path of ['/v1/rotations', '/v1/secrets', '/v1/admins/self', '/v1/audit']) {
      expect((await call('GET', path, { token })).status).toBe(401);
      expect((await call('GET', `${path}?feed=${token}`, { token: null })).status).toBe(401);
    }
    const made = await call('POST', `/v1/rotations/${own.id}/rotate?feed=${token}`, {
      token: null,
    });
    expect(made.status).toBe(401);
  });

  test('ends with its admin, and another token is none', async () => {
    const token = await rotations.admin.mint({ role: 'viewer' });
    const address = await addressFor(token);
    expect((await call('GET', address, { token: null })).status).toBe(200);
    const self = await call('GET', '/v1/admins/self', { token });
    await call('DELETE', `/v1/admins/${self.body.id}`);
    const over = await call('GET', address, { token: null });
    expect([over.status, over.body.code]).toEqual([401, 'unauthenticated']);
    const expiresAtMs = rotations.admin.opened.clock.now() + 1000;
    const brief = await addressFor(await rotations.admin.mint({ role: 'viewer', expiresAtMs }));
    rotations.admin.opened.clock.advance(1000);
    expect((await call('GET', brief, { token: null })).status).toBe(401);
    for (const query of ['', '?feed=', `?feed=${rotations.admin.rootToken}`, '?feed=kff_x.y']) {
      const reply = await call('GET', `/v1/rotations/calendar.ics${query}`, { token: null });
      expect([query, reply.status]).toEqual([query, 401]);
    }
  });

  test('guesses are slowed down, and the right address is answered all the same', async () => {
    const address = await addressFor();
    const wrong = address.slice(0, -4) + (address.endsWith('AAAA') ? 'BBBB' : 'AAAA');
    const statuses: number[] = [];
    for (let at = 0; at < 40; at++) {
      statuses.push((await call('GET', wrong, { token: null })).status);
    }
    expect(statuses.at(-1)).toBe(429);
    expect((await call('GET', address, { token: null })).status).toBe(200);
  });
});
