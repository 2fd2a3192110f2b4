import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fillPages } from '../console/fill-pages.js';
import { CanaryWatch } from '../support/canary.js';
import { visitConsole } from '../support/console-visit.js';
import { startKeyferry } from '../support/start-keyferry.js';

const FORM = 'application/x-www-form-urlencoded';

test('what was put in as a value is on no page, in no header, in any form; a token is on one page, once', async () => {
  const keyferry = await startKeyferry();
  const { paths, values } = await fillPages(keyferry, 'a note');
  const token = (await readFile(join(keyferry.dataDir, 'admin-token'), 'utf8')).trim();
  const visit = await visitConsole(keyferry.adminUrl, { token });
  const canary = new CanaryWatch();
  for (const value of [...values, token, visit.cookie.split('=')[1] ?? '']) {
    canary.watch(value.slice(0, 12), value);
  }
  const look = (where: string, headers: Headers, text: string): void =>
    canary.add(where, `${JSON.stringify([...headers])}\n${text}`);

  const production = '/secrets/unused_key/environments/production';
  const shown: string[] = [];
  const posts: readonly (readonly [path: string, form: Record<string, string>])[] = [
    [
      '/secrets/new',
      { name: 'typed_key', kind: 'api_key', 'value.production': 'typed-value-71be09c4' },
    ],
    // Refused: what else was typed comes back, not the value.
    ['/secrets/new', { name: 'not a name', 'value.production': 'refused-value-52aa81f3' }],
    [
      '/secrets/new',
      { name: 'half_key', 'value.production': 'x'.repeat(70_000), 'value.staging': 'st-9c1d22ab' },
    ],
    [`${production}/versions`, { value: 'first-value-0d94c7e2', note: 'a note' }],
    [
      `${production}/versions`,
      { value: `${'long-value-1f8e3b6d'.repeat(4000)}`, note: 'too long' },
    ],
    ['/sign-in', { token: 'kfa_a-wrong-token-that-was-typed-5521' }],
    ['/sign-in', { link: 'kfl_a-wrong-link-that-was-typed-9034' }],
    [
      `${paths.find((path) => /^\/rotations\/[\w-]{36}$/.test(path))}/value`,
      { value: 'pasted-6e0b' },
    ],
  ];
  for (const [path, form] of posts) {
    for (const [name, value] of Object.entries(form)) {
      if (/value|token|link/.test(name)) canary.watch(`${name} of ${path}`, value.slice(0, 40));
    }
    const answer = await visit.post(path, form, { 'content-type': FORM });
    look(`POST ${path}`, answer.headers, await answer.text());
  }
  for (const [path, form] of [
    ['/clients', { name: 'made', environment: 'production' }],
    ['/admins', { name: 'made', role: 'viewer' }],
  ] as const) {
    const answer = await visit.post(path, form);
    const text = await answer.text();
    const [made = ''] = /kf[ca]_[\w-]+/.exec(text) ?? [];
    expect(text.split(made)).toHaveLength(2);
    canary.watch(`token of ${path}`, made);
    shown.push(made);
    look(`POST ${path}`, answer.headers, text.replace(made, ''));
  }
  for (const path of [...paths, '/secrets/typed_key', '/secrets/half_key', '/clients', '/admins']) {
    const { headers, text } = await visit.get(path);
    look(path, headers, text);
  }
  expect(new Set(shown).size).toBe(2);
  expect(canary.bytes).toBeGreaterThan(100_000);
  // The session is given to the browser that signed in, and only there.
  expect(canary.findings()).toEqual([]);
});
