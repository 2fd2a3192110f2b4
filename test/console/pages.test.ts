import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startKeyferry, type TestKeyferry } from '../support/start-keyferry.js';
import { hasChromium, openPage, signIn, startBrowser } from './start-browser.js';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

const PATHS = [
  '/',
  '/secrets',
  '/secrets/new',
  '/secrets/payments_key',
  '/cutovers',
  '/rotations',
  '/rotations/new',
  '/routes',
  '/routes/revisions',
  '/routes/revisions/1',
  '/routes/try?at=production%20payments',
  '/clients',
  '/alerts',
  '/alerts?all=on',
  '/channels',
  '/audit',
  '/admins',
  '/system',
  '/no-such-page',
];

/** Each would open a dialog or put an element with the id `xss` into a page that took it for markup. */
const PAYLOADS = [
  '<script>alert(1)</script>',
  '"><script>alert(1)</script>',
  "'><img id=xss src=x onerror=alert(1)>",
  '<img id=xss src=x onerror=alert(1)>',
  '<svg id=xss onload=alert(1)>',
  '<svg><script>alert(1)</script></svg>',
  '</title><script>alert(1)</script>',
  '</textarea><script>alert(1)</script>',
  '</option></select><img id=xss src=x onerror=alert(1)>',
  '" autofocus onfocus="alert(1)" id="xss',
  "' onmouseover='alert(1)' id='xss",
  'javascript:alert(1)',
  '<a id=xss href="javascript:alert(1)">x</a>',
  '<iframe id=xss srcdoc="<script>alert(1)</script>"></iframe>',
  '<div id=xss hx-get="/sign-in" hx-trigger="load">x</div>',
  '<div id=xss hx-on:load="alert(1)">x</div>',
  '<base id=xss href="https://attacker.example/">',
  '<meta id=xss http-equiv=refresh content="0;url=//attacker.example">',
  '<form id=xss action="//attacker.example"><button>x</button></form>',
  '&lt;script&gt;alert(1)&lt;/script&gt;',
  '{{constructor.constructor("alert(1)")()}}',
  '<!--><script>alert(1)</script>-->',
] as const;

async function fill(keyferry: TestKeyferry): Promise<void> {
  await keyferry.secret('payments_key', {
    production: 'value-of-payments-5d1e',
    staging: 'value-of-payments-6f2a',
  });
  const path = '/v1/secrets/payments_key/environments/production/versions';
  await keyferry.admin('POST', path, { value: 'value-of-payments-9a3b', note: 'from the portal' });
  await keyferry.routes([
    {
      name: 'payments',
      match: { pathPrefix: '/payments' },
      headers: { Authorization: 'Bearer <<secret:payments_key>>' },
      environments: { production: { upstream: 'https://api.payments.example' } },
    },
  ]);
  await keyferry.client('production');
  await keyferry.admin('POST', '/v1/admins', { name: 'reader', role: 'viewer' });
}

async function findingsOf(page: Page): Promise<string[]> {
  const found = await page.evaluate<string>(`axe.run().then(({ violations }) => JSON.stringify(
    violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) =>
        id + ': ' + target.join(' ') + ': ' + failureSummary))))`);
  return JSON.parse(found) as string[];
}

describe.skipIf(!hasChromium)('in a browser (skipped without Chromium)', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(() => browser.close());

  test('axe-core finds nothing serious on any page, light or dark, wide or narrow', async () => {
    const keyferry = await startKeyferry();
    await fill(keyferry);
    const token = (await readFile(join(keyferry.dataDir, 'admin-token'), 'utf8')).trim();
    const found: string[] = [];
    const context = await browser.newContext({ bypassCSP: false });
    const { page, complaints } = await openPage(context);
    await signIn(page, keyferry.adminUrl, token);
    const axe = await readFile(AXE, 'utf8');
    for (const path of PATHS) {
      await page.goto(keyferry.adminUrl + path);
      await page.evaluate(axe);
      for (const [name, colorScheme, width] of [
        ['light', 'light', 1280],
        ['dark', 'dark', 1280],
        ['phone', 'light', 390],
        ['phone-dark', 'dark', 390],
      ] as const) {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        await page.setViewportSize({ width, height: 900 });
        found.push(...(await findingsOf(page)).map((text) => `${path} ${name}: ${text}`));
        const isWide = await page.evaluate<boolean>(
          'document.documentElement.scrollWidth > window.innerWidth',
        );
        if (isWide) found.push(`${path} ${name}: wider than the screen`);
        if (process.env.SCREENSHOTS !== undefined) {
          const file = `${path.replaceAll(/\W+/g, '_')}-${name}.png`;
          await page.screenshot({ path: join(process.env.SCREENSHOTS, file), fullPage: true });
        }
      }
    }
    expect(found).toEqual([]);
    expect(complaints.filter((text) => !text.includes('404'))).toEqual([]);
  }, 120_000);

  test('markup in notes, descriptions, owners, labels and names does nothing', async () => {
    const keyferry = await startKeyferry();
    await keyferry.secret('marked', { production: 'value-of-marked-03fd' });
    for (const [index, text] of PAYLOADS.entries()) {
      const versions = '/v1/secrets/marked/environments/production/versions';
      await keyferry.admin('POST', versions, { value: `value-of-marked-${index}-aa`, note: text });
      await keyferry.admin('POST', '/v1/secrets', {
        name: `marked_${index}`,
        description: text,
        owner: text,
        labels: { team: text },
      });
      // Where names may hold such text at all.
      await keyferry.call('POST', '/v1/admins', { name: text, role: 'viewer' });
      await keyferry.call('POST', '/v1/clients', { name: text, environment: 'production' });
    }
    const token = (await readFile(join(keyferry.dataDir, 'admin-token'), 'utf8')).trim();
    const context = await browser.newContext();
    const { page, complaints, dialogs } = await openPage(context);
    await signIn(page, keyferry.adminUrl, token);
    const paths = [
      ...['/secrets', '/secrets/marked', '/admins', '/clients', '/audit', '/routes'],
      ...PAYLOADS.map((_, index) => `/secrets/marked_${index}`),
      `/audit?actor=${encodeURIComponent(PAYLOADS.slice(0, 4).join(''))}`,
      `/sign-in?link=${encodeURIComponent(PAYLOADS.join(''))}`,
    ];
    for (const path of paths) {
      await page.goto(keyferry.adminUrl + path);
      expect(await page.locator('#xss, base, iframe').count()).toBe(0);
      expect(page.url().split('?')[0]).toBe(keyferry.adminUrl + path.split('?')[0]);
    }
    await page.goto(`${keyferry.adminUrl}/secrets/marked`);
    for (const text of PAYLOADS) {
      expect(await page.getByText(text, { exact: true }).count()).toBeGreaterThan(0);
    }
    expect(dialogs).toEqual([]);
    expect(complaints).toEqual([]);
  }, 120_000);
});
