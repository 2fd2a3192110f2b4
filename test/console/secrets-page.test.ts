import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type ConsoleVisit, visitConsole } from '../support/console-visit.js';
import { startKeyferry, type TestKeyferry } from '../support/start-keyferry.js';

async function signIn(keyferry: TestKeyferry): Promise<ConsoleVisit> {
  const token = (await readFile(join(keyferry.dataDir, 'admin-token'), 'utf8')).trim();
  return visitConsole(keyferry.adminUrl, { token });
}

/** Names in the order of the page. */
const namesIn = (text: string): (string | undefined)[] =>
  [...text.matchAll(/<a class="name" href="\/secrets\/([^"]+)"/g)].map(([, name]) => name);

test('the list of secrets shows age, environments side by side, routes, use and what comes next', async () => {
  const keyferry = await startKeyferry();
  await keyferry.secret('whole', {
    development: 'value-of-whole-1a',
    staging: 'value-of-whole-2b',
    production: 'value-of-whole-3c',
  });
  await keyferry.secret('partly', { staging: 'value-of-partly-4d' });
  await keyferry.routes(
    [
      {
        name: 'partly-route',
        match: { pathPrefix: '/p' },
        headers: { Authorization: 'Bearer <<secret:partly>>' },
        environments: {
          staging: { upstream: 'https://api.example.com' },
          production: { upstream: 'https://api.example.com' },
        },
      },
    ],
    '?allowMissing=true',
  );
  await keyferry.secret('rotator', { _providers: 'value-of-rotator-4e' });
  const { text } = await (await signIn(keyferry)).get('/secrets');
  expect(namesIn(text)).toEqual(['partly', 'rotator', 'whole']);
  const [, partly = '', rotator = '', whole = ''] = text.split('<tr>').slice(1);
  const marks = (row: string): (string | undefined)[] =>
    [...row.matchAll(/<span class="mark \w+">([^<]+)</g)].map(([, word]) => word);
  expect(marks(partly)).toEqual(['✓ fresh, 0 d', 'missing']);
  expect(partly.match(/no value/g)).toHaveLength(1);
  expect(partly).toContain('partly-route');
  expect(marks(whole)).toEqual(['✓ fresh, 0 d', 'none']);
  expect(marks(rotator)).toEqual(['✓ fresh, 0 d']);
  expect(whole.match(/>v1 </g)).toHaveLength(3);
  expect(whole).toContain('never');
  expect(whole).toMatch(/in 90 d/);
});

test('the list of secrets is searched, filtered, sorted and paged by links and a form alone', async () => {
  const keyferry = await startKeyferry();
  for (let index = 0; index < 105; index++) {
    const name = `key_${String(index).padStart(3, '0')}`;
    await keyferry.admin('POST', '/v1/secrets', { name, owner: index % 2 === 0 ? 'even' : 'odd' });
  }
  await keyferry.secret('used', { staging: 'value-of-used-5e' });
  const visit = await signIn(keyferry);
  const first = await visit.get('/secrets?sort=name&order=desc');
  expect(namesIn(first.text).slice(0, 2)).toEqual(['used', 'key_104']);
  expect(first.text).toContain('aria-sort="descending"');
  const next = /href="(\/secrets\?[^"]*cursor=[^"]*)"/.exec(first.text)?.[1] ?? '';
  const second = await visit.get(next.replaceAll('&amp;', '&'));
  expect(namesIn(second.text)).toHaveLength(6);
  expect(namesIn(second.text).at(-1)).toBe('key_000');
  expect(second.text).not.toContain('cursor=');

  expect(namesIn((await visit.get('/secrets?search=odd+key_00')).text)).toHaveLength(5);
  const missing = await visit.get('/secrets?missingValue=true&search=key_00&environment=');
  expect(namesIn(missing.text)).toHaveLength(10);
  expect(missing.text).toMatch(/name="missingValue" value="true" checked/);
  const turned = /<th scope="col"[^>]*><a href="([^"]+)">Age</.exec(missing.text)?.[1];
  expect(turned).toBe('/secrets?search=key_00&amp;missingValue=true&amp;sort=age&amp;order=desc');
  expect(namesIn((await visit.get('/secrets?sort=age')).text)[0]).toBe('used');

  const nothing = await visit.get('/secrets?search=nothing');
  expect(nothing.text).toContain('No secret fits.');
  const refused = await visit.get('/secrets?sort=size');
  expect([refused.status, refused.text.includes('query.sort')]).toEqual([400, true]);
});

test('whatever environments are called, each id is on a page once', async () => {
  const keyferry = await startKeyferry();
  const names = ['menu', 'content', 'said', 'stale', 'history', 'qa', 'qa-title', 'rollback-qa'];
  names.push('revoke-qa-1', 'revoke-qa-1-asks');
  for (const name of [...names, 'empty', 'empty-text']) {
    await keyferry.admin('POST', '/v1/environments', { name });
  }
  await keyferry.secret('many_places', Object.fromEntries(names.map((name) => [name, 'a value'])));
  const versions = '/v1/secrets/many_places/environments/qa/versions';
  await keyferry.admin('POST', versions, { value: 'another value in qa' });
  await keyferry.admin('POST', `${versions}/2/activate`);
  const visit = await signIn(keyferry);
  for (const path of ['/secrets/many_places', '/system']) {
    const { text } = await visit.get(path);
    const ids = [...text.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
    expect(ids.length).toBeGreaterThan(5);
    expect(ids.filter((id, at) => ids.indexOf(id) !== at)).toEqual([]);
  }
});
