import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addSecret, route, startAdmin, type TestAdmin } from './start-admin.js';

let admin: TestAdmin;
/** Limited to staging; to the prefix `pay_`; to both. */
let staging: string;
let pay: string;
let both: string;

beforeAll(async () => {
  admin = await startAdmin();
  staging = await admin.mint({ role: 'admin', environments: ['staging'] });
  pay = await admin.mint({ role: 'admin', secretPrefix: 'pay_' });
  both = await admin.mint({ role: 'admin', environments: ['staging'], secretPrefix: 'pay_' });
  await addSecret(admin, 'pay_both', ['production', 'staging']);
  await addSecret(admin, 'pay_production', ['production']);
  await addSecret(admin, 'web_staging', ['staging']);
  await addSecret(admin, 'web_production', ['production']);
  await admin.call('PUT', '/v1/routes', {
    body: {
      routes: [
        route('pay', 'pay_both', ['production', 'staging']),
        route('web-staging', 'web_staging', ['staging']),
        route('web-production', 'web_production', ['production']),
      ],
    },
  });
});
afterAll(() => admin.stop());

const names = (items: { name: string }[]) => items.map(({ name }) => name);
const tokenOf = (who: string) => ({ staging, pay, both })[who] ?? '';

describe('secrets', () => {
  test.each([
    ['staging', ['pay_both', 'web_staging']],
    ['pay', ['pay_both', 'pay_production']],
    ['both', ['pay_both']],
  ])('%s sees only its own', async (who, expected) => {
    const list = await admin.call('GET', '/v1/secrets', { token: tokenOf(who) });
    expect(names(list.body.items)).toEqual(expected);
    for (const name of ['pay_both', 'pay_production', 'web_staging', 'web_production']) {
      const shown = await admin.call('GET', `/v1/secrets/${name}`, { token: tokenOf(who) });
      expect(shown.status, name).toBe(expected.includes(name) ? 200 : 404);
    }
  });

  test('what is outside looks as if it did not exist', async () => {
    const withoutId = (text: string) => text.replace(/"requestId":"[^"]*"/, '');
    for (const token of [staging, pay, both]) {
      const hidden = await admin.call('GET', '/v1/secrets/web_production', { token });
      const absent = await admin.call('GET', '/v1/secrets/web_productio', { token });
      expect(hidden.status).toBe(404);
      expect(withoutId(hidden.text)).toBe(withoutId(absent.text));
    }
  });

  test('a row shows only the environments of the scope', async () => {
    const shown = await admin.call('GET', '/v1/secrets/pay_both', { token: staging });
    expect(shown.body.currentVersions).toEqual({ staging: 1 });
    expect(shown.text).not.toContain('production');
  });

  test('a filter tells nothing of other environments', async () => {
    const { clock, store } = admin.opened;
    const { body } = await admin.call('GET', '/v1/secrets/pay_both');
    await store.recordUsage([
      {
        secretId: body.id,
        environment: 'production',
        version: 1,
        route: 'pay',
        clientId: 'c',
        outcome: 'accepted',
        count: 1,
        firstUsedAtMs: clock.now(),
        lastUsedAtMs: clock.now(),
      },
    ]);
    const unused = async (token: string) =>
      names((await admin.call('GET', '/v1/secrets?unusedForDays=1', { token })).body.items);
    expect(await unused(pay)).toEqual(['pay_production']);
    expect(await unused(both)).toEqual(['pay_both']);
  });

  test('names outside the prefix cannot be made', async () => {
    for (const token of [pay, both]) {
      const outside = await admin.call('POST', '/v1/secrets', { token, body: { name: 'web_new' } });
      expect(outside.status).toBe(404);
    }
    const inside = await admin.call('POST', '/v1/secrets', {
      token: pay,
      body: { name: 'pay_new' },
    });
    expect(inside.status).toBe(201);
    await admin.call('DELETE', '/v1/secrets/pay_new', { token: pay });
  });

  test('a change that reaches other environments is refused', async () => {
    for (const token of [staging, both]) {
      const changed = await admin.call('PATCH', '/v1/secrets/pay_both', {
        token,
        body: { allowedHosts: ['evil.example.com'] },
      });
      expect([changed.status, changed.body.code]).toEqual([403, 'forbidden']);
      const removed = await admin.call('DELETE', '/v1/secrets/pay_both?force=true&reason=x', {
        token,
      });
      expect(removed.status).toBe(403);
    }
    const own = await admin.call('PATCH', '/v1/secrets/web_staging', {
      token: staging,
      body: { owner: 'web' },
    });
    expect(own.status).toBe(200);
  });
});

describe('versions', () => {
  const targets: [secret: string, environment: string, seenBy: string[]][] = [
    ['pay_both', 'production', ['pay']],
    ['pay_both', 'staging', ['staging', 'pay', 'both']],
    ['pay_production', 'staging', ['pay']],
    ['web_staging', 'staging', ['staging']],
    ['web_production', 'production', []],
    ['pay_both', 'undeclared', []],
  ];
  const calls: [method: string, rest: string, body?: unknown][] = [
    ['GET', 'versions'],
    ['GET', 'versions/1'],
    ['POST', 'versions', { value: 'x' }],
    ['POST', 'versions/1/activate'],
    ['POST', 'versions/1/revoke', { force: true, reason: 'x' }],
    ['DELETE', 'versions/1?force=true&reason=x'],
    ['POST', 'rollback'],
  ];
  test.each(['staging', 'pay', 'both'])('%s reaches no others', async (who) => {
    for (const [secret, environment, seenBy] of targets) {
      if (seenBy.includes(who)) continue;
      for (const [method, rest, body] of calls) {
        const path = `/v1/secrets/${secret}/environments/${environment}/${rest}`;
        const reply = await admin.call(method, path, { token: tokenOf(who), body });
        const found = [who, method, path, reply.status];
        const expected = who === 'pay' && environment === 'undeclared' ? 422 : 404;
        expect(found).toEqual([who, method, path, expected]);
        expect(reply.text).not.toContain('did you mean');
      }
    }
  });
  test.each(['staging', 'pay', 'both'])('%s reaches its own', async (who) => {
    for (const [secret, environment, seenBy] of targets) {
      if (!seenBy.includes(who)) continue;
      const path = `/v1/secrets/${secret}/environments/${environment}/versions`;
      const token = tokenOf(who);
      expect((await admin.call('GET', path, { token })).status).toBe(200);
      const made = await admin.call('POST', path, { token, body: { value: 'next' } });
      expect([path, made.status]).toEqual([path, 201]);
    }
  });
});

describe('routes', () => {
  test.each([
    ['staging', { pay: ['staging'], 'web-staging': ['staging'] }],
    ['pay', { pay: ['production', 'staging'] }],
    ['both', { pay: ['staging'] }],
  ])('%s sees only its entries', async (who, expected) => {
    const shown = await admin.call('GET', '/v1/routes', { token: tokenOf(who) });
    const seen = Object.fromEntries(
      shown.body.document.routes.map((item: { name: string; environments: object }) => [
        item.name,
        Object.keys(item.environments),
      ]),
    );
    expect(seen).toEqual(expected);
    const revision = await admin.call('GET', '/v1/routes/revisions/1', { token: tokenOf(who) });
    expect(revision.body.document).toEqual(shown.body.document);
    const differences = await admin.call('GET', '/v1/routes/compare?from=0', {
      token: tokenOf(who),
    });
    expect(differences.text).not.toContain('web-production');
  });

  const documentOf = async (token?: string) =>
    (await admin.call('GET', '/v1/routes', token === undefined ? {} : { token })).body.document;

  test('what was seen can be applied again, and changes nothing outside', async () => {
    for (const token of [staging, pay, both]) {
      const before = await documentOf();
      const reply = await admin.call('PUT', '/v1/routes', { token, body: await documentOf(token) });
      expect(reply.status).toBe(200);
      const after = await documentOf();
      const byName = (a: { name: string }, b: { name: string }) => a.name.localeCompare(b.name);
      expect(after.routes.sort(byName)).toEqual(before.routes.sort(byName));
    }
  });

  test('an entry inside can be changed, added and removed', async () => {
    const token = staging;
    const document = await documentOf(token);
    const changed = {
      routes: document.routes.map((item: ReturnType<typeof route>) =>
        item.name === 'web-staging'
          ? { ...item, environments: { staging: { upstream: 'https://next.example.com' } } }
          : item,
      ),
    };
    changed.routes.push(route('fresh', 'web_staging', ['staging']));
    expect((await admin.call('PUT', '/v1/routes', { token, body: changed })).status).toBe(200);
    const whole = await documentOf();
    expect(names(whole.routes).sort()).toEqual(['fresh', 'pay', 'web-production', 'web-staging']);
    expect(JSON.stringify(whole)).toContain('next.example.com');
    expect((await admin.call('PUT', '/v1/routes', { token, body: document })).status).toBe(200);
    expect(names((await documentOf()).routes).sort()).toEqual([
      'pay',
      'web-production',
      'web-staging',
    ]);
  });

  const attempts: [
    what: string,
    who: string,
    change: (own: ReturnType<typeof route>[]) => unknown,
  ][] = [
    ['a new environment', 'staging', (own) => [...own, route('n', 'web_staging', ['production'])]],
    ['a secret beyond the prefix', 'pay', (own) => [...own, route('n', 'web_staging')]],
    ['a route without a secret', 'pay', (own) => [...own, { ...route('n', 'x'), headers: {} }]],
    [
      'the shared headers of a route',
      'staging',
      (own) => own.map((item) => ({ ...item, headers: { 'X-Key': '<<secret:web_staging>>' } })),
    ],
    [
      'the match of a shared route',
      'both',
      (own) => own.map((item) => ({ ...item, match: { pathPrefix: '/elsewhere' } })),
    ],
    [
      'the place of a route outside',
      'staging',
      (own) => [...own, route('web-production', 'web_staging', ['staging'])],
    ],
    [
      'requests for a route outside',
      'staging',
      (own) => [
        ...own,
        { ...route('n', 'web_staging', ['staging']), match: { pathPrefix: '/web-production/v1' } },
      ],
    ],
    [
      'an entry outside to one inside',
      'pay',
      (own) => [...own, { ...route('web-production', 'pay_both'), match: { pathPrefix: '/w' } }],
    ],
  ];
  test.each(attempts)('taking %s is refused (%s)', async (_, who, change) => {
    const before = await admin.call('GET', '/v1/routes');
    const own = (await documentOf(tokenOf(who))).routes;
    const body = { routes: change(own) };
    for (const [method, path] of [
      ['PUT', '/v1/routes?allowMissing=true'],
      ['POST', '/v1/routes/validate?allowMissing=true'],
    ] as const) {
      const reply = await admin.call(method, path, { token: tokenOf(who), body });
      expect([reply.status, reply.body.code, reply.body.detail]).toEqual([
        403,
        'forbidden',
        expect.stringContaining('outside'),
      ]);
      expect(reply.body.errors.length).toBeGreaterThan(0);
    }
    expect((await admin.call('GET', '/v1/routes')).body).toEqual(before.body);
  });

  test('nearest spellings do not tell names outside', async () => {
    for (const [token, name] of [
      [staging, 'web_productio'],
      [pay, 'pay_productio'],
    ] as const) {
      const own = (await documentOf(token)).routes;
      const body = { routes: [...own, route('n', name, ['staging'])] };
      const put = await admin.call('PUT', '/v1/routes', { token, body });
      expect(put.body.code).toBe('routes_invalid');
      expect(put.body.errors[0].nearest).toBeUndefined();
      const checked = await admin.call('POST', '/v1/routes/validate', { token, body });
      expect(checked.body.problems).toEqual(put.body.errors);
      expect(put.text + checked.text).not.toContain('_production');
    }
  });

  test('a document of another form is explained, as to any token', async () => {
    const body = { routes: [{ ...route('n', 'pay_both', ['staging']), mtch: {} }] };
    for (const token of [staging, pay, both]) {
      const put = await admin.call('PUT', '/v1/routes', { token, body });
      expect([put.status, put.body.code]).toEqual([422, 'routes_invalid']);
      expect(put.body.errors[0]).toMatchObject({ path: 'routes[0].mtch', nearest: 'match' });
      const checked = await admin.call('POST', '/v1/routes/validate', { token, body });
      expect(checked.body.problems).toEqual(put.body.errors);
    }
  });

  test('a whole document is restored only without limits', async () => {
    for (const token of [staging, pay, both]) {
      const reply = await admin.call('POST', '/v1/routes/revisions/1/restore', { token });
      expect(reply.status).toBe(403);
    }
  });
});

describe('clients', () => {
  const make = (token: string, environment: string, routes?: string[]) =>
    admin.call('POST', '/v1/clients', {
      token,
      body: {
        name: `c-${Math.random()}`,
        environment,
        ...(routes === undefined ? {} : { routes }),
      },
    });

  test('are made and seen only inside', async () => {
    const hidden = await make(admin.rootToken, 'production');
    const shared = await make(admin.rootToken, 'staging', ['pay']);
    expect((await make(staging, 'production')).status).toBe(404);
    expect((await make(staging, 'staging')).status).toBe(201);
    expect((await make(both, 'production', ['pay'])).status).toBe(404);
    expect((await make(both, 'staging')).status).toBe(403);
    expect((await make(pay, 'staging', ['pay', 'web-staging'])).status).toBe(403);
    expect((await make(pay, 'production', ['not-there'])).status).toBe(403);
    expect((await make(pay, 'production', ['pay'])).status).toBe(201);
    for (const token of [staging, pay, both]) {
      const list = await admin.call('GET', '/v1/clients', { token });
      expect(list.text).toContain(shared.body.id);
      expect(list.text).not.toContain(hidden.body.id);
      const path = `/v1/clients/${hidden.body.id}`;
      expect((await admin.call('GET', path, { token })).status).toBe(404);
      expect((await admin.call('DELETE', path, { token })).status).toBe(404);
    }
    expect(
      (await admin.call('DELETE', `/v1/clients/${shared.body.id}`, { token: both })).status,
    ).toBe(204);
  });
});

describe('environments, audit and the system', () => {
  test('environments outside are not there, and none can be declared', async () => {
    const list = await admin.call('GET', '/v1/environments', { token: staging });
    expect(names(list.body.items)).toEqual(['staging']);
    for (const token of [staging, pay, both]) {
      const made = await admin.call('POST', '/v1/environments', { token, body: { name: 'mine' } });
      expect(made.status).toBe(403);
    }
    expect(
      (await admin.call('DELETE', '/v1/environments/production', { token: both })).status,
    ).toBe(404);
    expect((await admin.call('DELETE', '/v1/environments/production', { token: pay })).status).toBe(
      403,
    );
  });

  test('audit rows outside are not there', async () => {
    const rows = async (token: string) =>
      (await admin.call('GET', '/v1/audit?limit=1000', { token })).body.items;
    for (const row of await rows(staging)) expect(row.environment).toBe('staging');
    for (const row of await rows(pay)) expect(row.secret).toMatch(/^pay_/);
    expect((await rows(both)).length).toBeGreaterThan(0);
    expect((await admin.call('GET', '/v1/audit?secret=web_staging', { token: pay })).status).toBe(
      404,
    );
    expect(
      (await admin.call('GET', '/v1/audit?environment=production', { token: staging })).status,
    ).toBe(404);
  });

  test('a backup, and what is told of the server, need a token without limits', async () => {
    for (const token of [staging, pay, both]) {
      expect((await admin.call('GET', '/v1/system', { token })).status).toBe(403);
      expect((await admin.call('POST', '/v1/backup', { token })).status).toBe(403);
    }
  });

  test('the secrets list cannot be filtered by an environment outside', async () => {
    const reply = await admin.call('GET', '/v1/secrets?environment=production', { token: staging });
    expect(reply.status).toBe(404);
  });
});

describe('admins', () => {
  test('none is made wider than its maker', async () => {
    const make = async (token: string, scope: Record<string, unknown>) =>
      (
        await admin.call('POST', '/v1/admins', {
          token,
          body: { name: `a-${Math.random()}`, role: 'viewer', ...scope },
        })
      ).status;
    expect(await make(staging, {})).toBe(403);
    expect(await make(staging, { environments: ['production'] })).toBe(403);
    expect(await make(staging, { environments: ['staging', 'production'] })).toBe(403);
    expect(await make(staging, { secretPrefix: 'pay_' })).toBe(403);
    expect(await make(staging, { environments: ['staging'] })).toBe(201);
    expect(await make(pay, { secretPrefix: 'pay' })).toBe(403);
    expect(await make(pay, { environments: ['staging'] })).toBe(403);
    expect(await make(pay, { secretPrefix: 'pay_eu_' })).toBe(201);
    expect(await make(both, { environments: ['staging'] })).toBe(403);
    expect(await make(both, { environments: ['staging'], secretPrefix: 'pay_' })).toBe(201);
    const expiresAtMs = admin.opened.clock.now() + 86_400_000;
    const brief = await admin.mint({ role: 'admin', expiresAtMs });
    expect(await make(brief, {})).toBe(403);
    expect(await make(brief, { expiresAt: new Date(expiresAtMs + 1).toISOString() })).toBe(403);
    expect(await make(brief, { expiresAt: new Date(expiresAtMs).toISOString() })).toBe(201);
  });

  test('wider ones are not seen and not revoked', async () => {
    const root = (await admin.call('GET', '/v1/admins/self')).body;
    for (const token of [staging, pay, both]) {
      const list = await admin.call('GET', '/v1/admins', { token });
      expect(list.text).not.toContain(root.id);
      expect((await admin.call('DELETE', `/v1/admins/${root.id}`, { token })).status).toBe(404);
    }
  });
});
