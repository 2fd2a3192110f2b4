import { afterAll, beforeAll, expect, test } from 'vitest';
import { errorTable, PROVIDERS_ENVIRONMENT } from '../../src/core/index.js';
import { addSecret, startAdmin, type TestAdmin } from './start-admin.js';

type Json = ReturnType<typeof JSON.parse>;

let admin: TestAdmin;
let document: Json;
let operations: { method: string; path: string; operation: Json }[];
beforeAll(async () => {
  admin = await startAdmin();
  document = (await admin.call('GET', '/v1/openapi.json', { token: null })).body;
  operations = Object.entries<Json>(document.paths).flatMap(([path, item]) =>
    Object.entries<Json>(item).map(([method, operation]) => ({ method, path, operation })),
  );
});
afterAll(() => admin.stop());

function everyObject(value: Json, visit: (object: Json) => void): void {
  if (typeof value !== 'object' || value === null) return;
  visit(value);
  for (const item of Object.values(value)) everyObject(item, visit);
}

test('it lists every registered route of the API', async () => {
  const listed = operations.map(({ method, path }) => `${method.toUpperCase()} ${path}`);
  const registered = admin.app.routes
    .filter(({ method, path }) => method !== 'ALL' && path.startsWith('/v1/'))
    .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`)
    .filter((entry) => entry !== 'GET /v1/openapi.json');
  const unlisted = [...new Set(registered)].filter((entry) => !listed.includes(entry));
  expect(listed.filter((entry) => !registered.includes(entry))).toEqual([]);
  expect(listed.length).toBeGreaterThan(30);
  // What remains only says that a value cannot be changed.
  for (const entry of unlisted) {
    const [method = '', path = ''] = entry.split(' ');
    const reply = await admin.call(method, path.replaceAll(/[{}]/g, ''));
    expect([entry, reply.body.code]).toEqual([entry, 'value_immutable']);
  }
});

test('it is OpenAPI 3.1 without loose ends', () => {
  expect(document.openapi).toBe('3.1.0');
  const ids = operations.map(({ operation }) => operation.operationId);
  expect(new Set(ids).size).toBe(ids.length);
  const tags = document.tags.map(({ name }: { name: string }) => name);
  for (const { method, path, operation } of operations) {
    const where = `${method} ${path}`;
    expect(operation.summary, where).toMatch(/^[A-Z]/);
    expect(operation.description, where).toMatch(/Role: `(viewer|operator|admin)`/);
    expect(tags, where).toContain(operation.tags[0]);
    const isFeed = path === '/v1/rotations/calendar.ics';
    expect(operation.security, where).toEqual([
      ...(isFeed ? [{ feedToken: [] }] : []),
      { adminToken: [] },
    ]);
    const inPath = (operation.parameters ?? [])
      .filter((parameter: Json) => parameter.in === 'path')
      .map((parameter: Json) => parameter.name);
    const inTemplate = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
    expect(inPath.sort(), where).toEqual(inTemplate.sort());
  }
  expect(document.components.securitySchemes.adminToken).toMatchObject({ scheme: 'bearer' });
  everyObject(document, ({ $ref, pattern, allOf }) => {
    if (typeof $ref === 'string') {
      const found = $ref
        .slice(2)
        .split('/')
        .reduce<Json>((at, step) => at?.[step], document);
      expect(found, $ref).toBeDefined();
    }
    if (typeof pattern === 'string') {
      expect(() => new RegExp(pattern, 'u')).not.toThrow();
      // A flag that a generator wrote behind the pattern would become part of it.
      expect(pattern).not.toMatch(/\$\/[a-z]+$/);
    }
    // Two closed objects at once admit nothing.
    expect(allOf).toBeUndefined();
  });
});

test('every call says its errors, as problems with codes of the table', () => {
  for (const { method, path, operation } of operations) {
    for (const status of ['400', '401', '403', '429', '500', '503']) {
      expect(Object.keys(operation.responses), `${method} ${path}`).toContain(status);
    }
    for (const [status, response] of Object.entries<Json>(operation.responses)) {
      if (Number(status) < 400) continue;
      expect(response.content['application/problem+json'].schema).toEqual({
        $ref: '#/components/schemas/Problem',
      });
      for (const code of response.headers['Keyferry-Error'].schema.enum) {
        expect(errorTable[code as keyof typeof errorTable].status).toBe(Number(status));
      }
    }
  }
});

test('its examples are accepted', async () => {
  let tried = 0;
  await addSecret(admin, 'slack_on_call', [PROVIDERS_ENVIRONMENT]);
  for (const { method, path, operation } of operations) {
    const body = operation.requestBody?.content['application/json'].example;
    if (body === undefined) continue;
    tried += 1;
    const filled = path
      .replaceAll('{name}', 'stripe_api_key')
      .replaceAll('{environment}', 'production')
      .replaceAll('{version}', '1');
    const reply = await admin.call(method.toUpperCase(), filled, { body });
    expect([method, path, reply.status]).not.toEqual([method, path, 400]);
  }
  expect(tried).toBeGreaterThan(6);
});
