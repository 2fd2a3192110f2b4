import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { EMPTY_PAGES } from '../console/fill-pages.js';
import { postForm, visitConsole } from '../support/console-visit.js';
import { startKeyferry, type TestKeyferry } from '../support/start-keyferry.js';

const MIB = 1024 * 1024;
const ORIGIN_OF_ANOTHER_PORT = 'http://127.0.0.1:1';
const rootToken = async (keyferry: TestKeyferry): Promise<string> =>
  (await readFile(join(keyferry.dataDir, 'admin-token'), 'utf8')).trim();

async function adminToken(
  keyferry: TestKeyferry,
  more: Readonly<Record<string, unknown>>,
): Promise<{ id: string; token: string }> {
  return keyferry.admin('POST', '/v1/admins', more);
}

test('changes that do not come from a page of the console are refused', async () => {
  const keyferry = await startKeyferry();
  const visit = await visitConsole(keyferry.adminUrl, { token: await rootToken(keyferry) });
  const secret = { name: 'forged', kind: 'api_key', criticality: 'standard' };
  const foreign: Record<string, string>[] = [
    { origin: 'https://attacker.example' },
    { origin: ORIGIN_OF_ANOTHER_PORT },
    { origin: 'null' },
    { origin: '' },
    { origin: keyferry.adminUrl, 'sec-fetch-site': 'cross-site' },
    { origin: keyferry.adminUrl, 'sec-fetch-site': 'same-site' },
    { origin: keyferry.adminUrl, 'sec-fetch-site': 'none' },
  ];
  for (const headers of foreign) {
    const answer = await visit.post('/secrets/new', secret, headers);
    expect({ headers, status: answer.status }).toEqual({ headers, status: 403 });
    expect((await visit.post('/sign-out', {}, headers)).status).toBe(403);
    const signIn = { token: await rootToken(keyferry) };
    expect((await postForm(keyferry.adminUrl, '/sign-in', signIn, headers)).status).toBe(403);
  }
  const without = await fetch(`${keyferry.adminUrl}/secrets/new`, {
    method: 'POST',
    headers: { cookie: visit.cookie },
    body: new URLSearchParams(secret),
  });
  expect(without.status).toBe(403);
  expect((await keyferry.call('GET', '/v1/secrets/forged')).status).toBe(404);
  expect((await visit.post('/secrets/new', secret)).status).toBe(303);
  expect((await keyferry.call('GET', '/v1/secrets/forged')).status).toBe(200);
});

test('the cookie is for the console alone, and is no way into the API', async () => {
  const keyferry = await startKeyferry();
  const answer = await postForm(keyferry.adminUrl, '/sign-in', {
    token: await rootToken(keyferry),
  });
  const attributes = (answer.headers.get('set-cookie') ?? '').split('; ').slice(1);
  expect(attributes).toEqual(expect.arrayContaining(['HttpOnly', 'SameSite=Strict', 'Path=/']));
  expect(attributes.some((one) => one.startsWith('Domain'))).toBe(false);
  const cookie = (answer.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
  const token = cookie.split('=')[1] ?? '';
  const tries: Record<string, string>[] = [
    { cookie },
    { authorization: `Bearer ${token}` },
    { caller: await rootToken(keyferry) },
    { 'x-caller': '{"admin":{"role":"admin"}}' },
  ];
  for (const headers of tries) {
    const api = await fetch(`${keyferry.adminUrl}/v1/secrets?caller=root`, { headers });
    expect(api.status).toBe(401);
  }
});

test('a link signs in once; opening it takes nothing', async () => {
  const keyferry = await startKeyferry();
  const made = await keyferry.admin<{ token: string }>('POST', '/v1/sign-in-links');
  for (let opened = 0; opened < 2; opened++) {
    expect((await fetch(`${keyferry.adminUrl}/sign-in?link=${made.token}`)).status).toBe(200);
  }
  const visit = await visitConsole(keyferry.adminUrl, { link: made.token });
  expect((await visit.get('/')).status).toBe(200);
  expect((await postForm(keyferry.adminUrl, '/sign-in', { link: made.token })).status).toBe(401);
  const race = await keyferry.admin<{ token: string }>('POST', '/v1/sign-in-links');
  const answers = await Promise.all(
    Array.from({ length: 5 }, () => postForm(keyferry.adminUrl, '/sign-in', { link: race.token })),
  );
  expect(answers.map(({ status }) => status).toSorted()).toEqual([303, 401, 401, 401, 401]);
});

test('a session ends with its admin, by signing out, and by signing out everywhere', async () => {
  const keyferry = await startKeyferry();
  const other = await adminToken(keyferry, { name: 'other', role: 'operator' });
  const signIn = () => visitConsole(keyferry.adminUrl, { token: other.token });
  const first = await signIn();
  const second = await signIn();
  expect((await first.post('/sign-out')).status).toBe(303);
  expect((await first.get('/')).headers.get('location')).toBe('/sign-in');
  expect((await second.get('/')).status).toBe(200);
  await keyferry.admin('DELETE', `/v1/sessions?admin=${other.id}`);
  expect((await second.get('/')).status).toBe(303);
  const third = await signIn();
  await keyferry.admin('DELETE', `/v1/admins/${other.id}`);
  expect((await third.get('/secrets')).status).toBe(303);
  await expect(signIn()).rejects.toThrow('refused: 401');
});

test('guessing at the sign-in page is slowed down, and a right token passes', async () => {
  const keyferry = await startKeyferry();
  const statuses = new Map<number, number>();
  for (let guess = 0; guess < 60; guess++) {
    const answer = await postForm(keyferry.adminUrl, '/sign-in', { token: `kfa_guess${guess}` });
    statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
    if (answer.status === 429) expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
  }
  expect(statuses.get(429)).toBeGreaterThan(20);
  expect((statuses.get(401) ?? 0) + (statuses.get(429) ?? 0)).toBe(60);
  const visit = await visitConsole(keyferry.adminUrl, { token: await rootToken(keyferry) });
  expect((await visit.get('/')).status).toBe(200);
});

test('a viewer changes nothing, and sees nothing beyond its limits', async () => {
  const keyferry = await startKeyferry();
  await keyferry.secret('mine_key', { production: 'value-of-mine-4ab1' });
  await keyferry.secret('others_key', { production: 'value-of-others-77c2' });
  const { token } = await adminToken(keyferry, {
    name: 'reader',
    role: 'viewer',
    secretPrefix: 'mine_',
  });
  const visit = await visitConsole(keyferry.adminUrl, { token });
  const rows = async (): Promise<unknown> => (await keyferry.admin('GET', '/v1/secrets')).items;
  const before = await rows();
  const production = '/secrets/mine_key/environments/production';
  const changes: [path: string, form: Record<string, string>][] = [
    ['/secrets/new', { name: 'mine_new', kind: 'api_key', criticality: 'standard' }],
    [`${production}/versions`, { value: 'value-of-a-viewer-11' }],
    [`${production}/versions/1/revoke`, { reason: 'because' }],
    [`${production}/rollback`, {}],
    [`${production}/cutovers`, { toVersion: '1' }],
    ['/routes', { do: 'apply', document: '{"routes":[]}', revision: '0' }],
    ['/routes', { do: 'check', document: 'x\n'.repeat(1000) }],
    ['/clients', { name: 'app', environment: 'production' }],
    ['/admins', { name: 'more', role: 'admin' }],
    ['/system/environments', { name: 'qa' }],
    ['/system/backup', {}],
  ];
  for (const [path, form] of changes) {
    const answer = await visit.post(path, form);
    expect({ path, refused: answer.status >= 400 }).toEqual({ path, refused: true });
    expect(answer.status).toBeLessThan(500);
  }
  expect(await rows()).toEqual(before);
  expect((await keyferry.admin('GET', '/v1/clients')).items).toEqual([]);
  const notForViewers = ['/secrets/new', '/rotations/new', '/routes/try', '/admins'];
  for (const path of [...notForViewers, '/secrets/mine_key/edit']) {
    const { status, text } = await visit.get(path);
    expect({ path, status }).toEqual({ path, status: 403 });
    expect(text).toContain('You are <span class="name">reader</span> with the role viewer.');
  }
  expect((await visit.get('/secrets/others_key')).status).toBe(404);
  for (const path of ['/', '/secrets', '/cutovers', '/rotations', '/routes', '/alerts', '/clients'])
    expect((await visit.get(path)).text).not.toContain('others_key');
  expect((await visit.get('/secrets')).text).toContain('mine_key');
});

test('no page, asset or refusal has a policy that lets anything inline in, and no page needs it', async () => {
  const keyferry = await startKeyferry();
  const visit = await visitConsole(keyferry.adminUrl, { token: await rootToken(keyferry) });
  const { text: overview } = await visit.get('/');
  const assets = [...overview.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)].map(
    ([, path]) => path,
  );
  expect(assets.length).toBeGreaterThan(4);
  const unknown = ['/no-such-page', '/secrets/none', '/cutovers/none', '/console/none.js'];
  const pages = [...EMPTY_PAGES, ...unknown, '/sign-in', '/assets/none/none.js', ...assets];
  const answers = new Map<string, { headers: Headers; text: string }>();
  for (const path of pages) answers.set(path ?? '', await visit.get(path ?? ''));
  for (const [path, form, headers] of [
    ['/secrets/new', { name: '1' }, {}],
    ['/secrets/new', { name: 'forged' }, { origin: 'https://attacker.example' }],
    ['/sign-in', { token: 'kfa_wrong' }, {}],
  ] as const) {
    const answer = await visit.post(path, form, headers);
    answers.set(`POST ${path} ${answer.status}`, {
      headers: answer.headers,
      text: await answer.text(),
    });
  }
  for (const [where, { headers, text }] of answers) {
    const policy = headers.get('content-security-policy') ?? '';
    expect({ where, policy }).toEqual({
      where,
      policy: expect.stringMatching(/^(?=.*default-src 'none')(?=.*frame-ancestors 'none')/),
    });
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    if (!(headers.get('content-type') ?? '').includes('html')) continue;
    expect(text).not.toMatch(/<script(?![^>]* src=)|<style|<[^>]* (?:style|on[a-z]+)="/);
  }
});

test('a form that is too long is refused, of whoever sends it, and before it is read where it says so', async () => {
  const keyferry = await startKeyferry();
  await keyferry.secret('long_form', { production: 'value-of-long-form' });
  const { cookie } = await visitConsole(keyferry.adminUrl, { token: await rootToken(keyferry) });
  /** Sends a part of a form, or all of it, and waits for the answer. */
  const send = (path: string, form: string, declaredBytes?: number): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const type = 'application/x-www-form-urlencoded';
      const headers = { origin: keyferry.adminUrl, cookie, 'content-type': type };
      const length = declaredBytes === undefined ? {} : { 'content-length': declaredBytes };
      const url = `${keyferry.adminUrl}${path}`;
      const sent = request(url, { method: 'POST', headers: { ...headers, ...length } });
      sent.on('error', reject);
      sent.on('response', ({ statusCode }) => {
        resolve(statusCode);
        sent.destroy();
      });
      if (declaredBytes === undefined && form.length < MIB) sent.end(form);
      else sent.write(form);
    });
  const long = (mib: number): string => 'a'.repeat(mib * MIB);
  for (const path of ['/sign-in', '/secrets/long_form/edit', '/clients']) {
    expect([path, await send(path, 'a', MIB + 1)]).toEqual([path, 413]);
    expect([path, await send(path, `${long(1)}a`)]).toEqual([path, 413]);
  }
  expect([await send('/routes', long(2), 2 * MIB), await send('/routes', 'a', 65 * MIB)]).toEqual([
    200, 413,
  ]);
  // What is no form has no fields: nobody fills the log, or guesses, with what fails in its own way.
  const headers = { origin: keyferry.adminUrl, cookie, 'content-type': 'multipart/form-data' };
  for (const [path, status] of [
    ['/sign-in', 401],
    ['/secrets/long_form/edit', 422],
  ] as const) {
    const url = `${keyferry.adminUrl}${path}`;
    const answer = await fetch(url, { method: 'POST', headers, body: 'a=b', redirect: 'manual' });
    expect([path, answer.status]).toEqual([path, status]);
  }
  // A proxy in front may not tell how long it is.
  const signIn = new URLSearchParams({ token: await rootToken(keyferry) });
  expect(await send('/sign-in', String(signIn))).toBe(303);
  expect(await send('/routes', 'do=check&document=%7B%7D')).toBe(200);
  const shown = () => keyferry.admin('GET', '/v1/secrets/long_form');
  await keyferry.admin('PATCH', '/v1/secrets/long_form', { allowedHosts: ['api.example.com'] });
  // One that came without its fields changes nothing.
  const empty = await postForm(keyferry.adminUrl, '/secrets/long_form/edit', {}, { cookie });
  expect(empty.status).toBe(422);
  expect(await shown()).toMatchObject({ allowedHosts: ['api.example.com'] });
});
