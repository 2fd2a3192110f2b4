import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { formsOf } from '../support/canary.js';
import { visitConsole } from '../support/console-visit.js';
import { startKeyferry } from '../support/start-keyferry.js';
import { startUpstream } from '../support/start-upstream.js';
import { hasChromium, openPage, signIn, startBrowser } from './start-browser.js';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const VALUE = 'pay_live_77ac01d2e9b34f58';

async function start() {
  const upstream = await startUpstream((request, response) => {
    response.setHeader('X-Echo', request.headers.authorization ?? '');
    response.end(`<script>alert(1)</script><b id="xss">${request.headers.authorization}</b>`);
  });
  const keyferry = await startKeyferry();
  await keyferry.secret('pay_key', { production: VALUE });
  const environments = { upstream: upstream.origin };
  await keyferry.routes(
    [
      {
        name: 'pay',
        match: { pathPrefix: '/pay' },
        headers: { Authorization: 'Bearer <<secret:pay_key>>' },
        allowPrivateNetwork: true,
        echoScrub: 'off',
        environments: { production: environments, staging: environments },
      },
    ],
    '?allowMissing=true',
  );
  const token = (await readFile(join(keyferry.dataDir, 'admin-token'), 'utf8')).trim();
  return { upstream, keyferry, token };
}

const leaksIn = (text: string): string[] =>
  formsOf(VALUE)
    .filter(({ bytes }) => Buffer.from(text).includes(bytes))
    .map(({ name }) => name);

test('the routes say by environment which version they inject, and where they fail', async () => {
  const { keyferry, token } = await start();
  const visit = await visitConsole(keyferry.adminUrl, { token });
  const { text } = await visit.get('/routes');
  expect(text).toContain('One route fails in an environment');
  expect(text).toMatch(/pay_key<\/a> <span class="quiet">v1<\/span>/);
  expect(text).toMatch(/pay_key<\/a> <span class="mark bad">no value<\/span>/);
  expect(text).toContain('/routes/try?at=production+pay');
  const failing = (await visit.get('/routes?failing=true')).text;
  expect(failing).toContain('<td>staging</td>');
  expect(failing).not.toContain('<td>production</td>');
  expect((await visit.get('/routes?q=nothing-like-it')).text).toContain('None is like that');
  const inUse = (query = ''): Promise<{ items: { environment: string }[] }> =>
    keyferry.admin('GET', `/v1/routes/in-use${query}`);
  const upstream = expect.stringContaining('http://127.0.0.1:');
  const route = { route: 'pay', match: { pathPrefix: '/pay' }, upstream };
  const page = await inUse();
  expect(page).toMatchObject({ nextCursor: null, failing: 1 });
  expect(page.items).toEqual([
    {
      ...route,
      environment: 'production',
      served: true,
      injects: [{ secret: 'pay_key', version: 1, pinned: false }],
      failure: null,
    },
    {
      ...route,
      environment: 'staging',
      served: true,
      injects: [{ secret: 'pay_key', version: null, pinned: false }],
      failure: { code: 'secret_missing', detail: expect.stringContaining('pay_key') },
    },
  ]);
  const found = async (query: string): Promise<string[]> =>
    (await inUse(query)).items.map(({ environment }) => environment);
  expect(await found('?limit=1')).toEqual(['production']);
  expect(await found('?limit=1&cursor=1')).toEqual(['staging']);
  expect(await found('?failing=true')).toEqual(['staging']);
  expect(await found('?failing=false')).toEqual(['production']);
  expect(await found('?search=PAY_k&environment=staging')).toEqual(['staging']);
  expect(await found('?search=prod')).toEqual(['production']);
  expect(await found('?search=pay_key2')).toEqual([]);
  expect(await found('?route=other')).toEqual([]);
});

test('what is missing is said with the way to it, and nothing is sent', async () => {
  const { keyferry, token, upstream } = await start();
  const visit = await visitConsole(keyferry.adminUrl, { token });
  const page = await (await visit.post('/routes/try', { at: 'staging pay' })).text();
  expect(page).toContain('<code>secret_missing</code>');
  expect(page).toContain('<a href="/secrets/pay_key#staging">Give pay_key a value in staging</a>');
  expect(page).toContain('<p>Nothing.</p>');
  const refused = await visit.post('/routes/try', { at: 'production pay', path: '/else' });
  expect(refused.status).toBe(422);
  expect(await refused.text()).toContain('takes a path under /pay');
  expect((await visit.post('/routes/try', { at: 'nowhere' })).status).toBe(422);
  const gone = { at: 'production gone', method: 'POST' };
  expect(await (await visit.post('/routes/try', gone)).text()).toContain('a real POST to gone');
  expect((await visit.post('/routes/try', { ...gone, confirmed: 'yes' })).status).toBe(422);
  const foreign = await visit.post(
    '/routes/try',
    { at: 'production pay' },
    { origin: 'https://attacker.example' },
  );
  expect(foreign.status).toBe(403);
  expect(upstream.seen).toEqual([]);
});

test.skipIf(!hasChromium)(
  'a person sends a request, is asked before a POST, and sees what came back as text, without a value (skipped without Chromium)',
  async () => {
    const { keyferry, token, upstream } = await start();
    const browser = await startBrowser();
    try {
      const { page, complaints } = await openPage(await browser.newContext());
      await signIn(page, keyferry.adminUrl, token);
      await page.goto(`${keyferry.adminUrl}/routes`);
      await page.getByRole('link', { name: 'Try it: pay in production' }).click();
      await page.getByLabel('Path').fill('/pay/v1/charges?limit=1');
      await page.getByLabel('Headers').fill('X-Mine: 1\nContent-Type: text/plain');
      await page.getByRole('button', { name: 'Send', exact: true }).click();
      await page.getByRole('heading', { name: 'What came back' }).waitFor();
      expect(upstream.seen[0]).toMatchObject({
        target: '/v1/charges?limit=1',
        headers: { 'x-mine': '1', authorization: `Bearer ${VALUE}` },
      });
      const cell = page.getByRole('cell', { name: 'Bearer [redacted: pay_key v1]' });
      expect(await cell.count()).toBe(1);
      const body = '<script>alert(1)</script><b id="xss">Bearer [redacted]</b>';
      expect(await page.getByText(body, { exact: true }).count()).toBe(1);
      expect(await page.locator('#xss').count()).toBe(0);
      expect(leaksIn(await page.content())).toEqual([]);
      await page.evaluate(await readFile(AXE, 'utf8'));
      const found = await page.evaluate<string>(
        `axe.run().then(({ violations }) => JSON.stringify(violations.filter(({ impact }) =>
          impact === 'serious' || impact === 'critical').map(({ id, nodes }) => [id, nodes[0].html])))`,
      );
      expect(JSON.parse(found)).toEqual([]);

      await page.getByLabel('Method').selectOption('POST');
      await page.getByLabel('Body').fill('first\nsecond');
      await page.getByRole('button', { name: 'Send', exact: true }).click();
      const question = `This sends a real POST to 127.0.0.1:${upstream.port} with the values of production.`;
      await page.getByText(question).waitFor();
      expect(upstream.seen).toHaveLength(1);
      await page.getByRole('button', { name: 'Send the POST' }).click();
      await page.getByRole('heading', { name: 'What came back' }).waitFor();
      expect(upstream.seen[1]).toMatchObject({ method: 'POST', headers: { 'x-mine': '1' } });
      expect(String(upstream.seen[1]?.body)).toBe('first\nsecond');
      expect(leaksIn(await page.content())).toEqual([]);
      expect(complaints).toEqual([]);
      if (process.env.SCREENSHOTS !== undefined) {
        await page.screenshot({ path: join(process.env.SCREENSHOTS, 'try.png'), fullPage: true });
        await page.goto(`${keyferry.adminUrl}/routes`);
        await page.screenshot({
          path: join(process.env.SCREENSHOTS, 'routes.png'),
          fullPage: true,
        });
      }
    } finally {
      await browser.close();
    }
  },
);
