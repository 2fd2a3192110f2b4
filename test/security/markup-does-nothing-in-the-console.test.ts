import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EMPTY_PAGES, fillPages } from '../console/fill-pages.js';
import { hasChromium, openPage, signIn, startBrowser } from '../console/start-browser.js';
import { startKeyferry } from '../support/start-keyferry.js';

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

const ALL = PAYLOADS.join(' ');

describe.skipIf(!hasChromium)('in a browser (skipped without Chromium)', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(() => browser.close());

  test('markup in anything that a person, a route or an address says does nothing on any page', async () => {
    const keyferry = await startKeyferry();
    const notes = '/v1/secrets/marked/environments/production/versions';
    await keyferry.secret('marked', { production: 'value-of-marked-03fd' });
    for (const [index, text] of PAYLOADS.entries()) {
      await keyferry.admin('POST', notes, { value: `value-of-marked-${index}-aa`, note: text });
      await keyferry.admin('POST', '/v1/secrets', {
        name: `marked_${index}`,
        description: text,
        owner: text,
        labels: { team: text },
      });
      // Where names may hold such text at all.
      for (const [path, body] of [
        ['/v1/secrets', { name: text }],
        ['/v1/admins', { name: text, role: 'viewer' }],
        ['/v1/clients', { name: text, environment: 'production' }],
        ['/v1/notifications', { name: text, settings: { kind: 'log' } }],
        ['/v1/environments', { name: text }],
      ] as const) {
        await keyferry.call('POST', path, body);
      }
      const reason = { force: true, reason: text };
      await keyferry.admin('POST', `${notes}/${index + 2}/revoke`, reason);
    }
    const { paths } = await fillPages(keyferry, ALL.slice(0, 480));
    const document = {
      routes: [
        {
          name: 'marked',
          match: { pathPrefix: `/${encodeURIComponent(ALL)}`.slice(0, 200).replaceAll('%', '') },
          headers: { 'X-Marked': ALL.replaceAll('{{', '').replaceAll('<<', '') },
          query: { q: ALL.slice(0, 300).replaceAll('{{', '') },
          environments: { production: { upstream: 'https://api.example.com' } },
        },
      ],
    };
    await keyferry.admin('PUT', '/v1/routes', document);
    const token = (await readFile(join(keyferry.dataDir, 'admin-token'), 'utf8')).trim();
    const { page, complaints } = await openPage(await browser.newContext());
    await signIn(page, keyferry.adminUrl, token);
    const isInert = async (where: string): Promise<void> => {
      const extra = await page
        .locator('#xss, base, iframe, meta[http-equiv], script:not([src])')
        .count();
      expect({ where, extra }).toEqual({ where, extra: 0 });
      expect(new URL(page.url()).origin).toBe(keyferry.adminUrl);
    };
    const marked = PAYLOADS.map((_, index) => `/secrets/marked_${index}`);
    for (const path of ['/secrets/marked', ...marked, ...paths]) {
      await page.goto(keyferry.adminUrl + path);
      await isInert(path);
    }
    const names = ['kind', 'action', 'secret', 'actor', 'provider', 'status', 'q', 'sort', 'label'];
    const query = new URLSearchParams(Object.fromEntries(names.map((name) => [name, ALL])));
    for (const path of EMPTY_PAGES.filter((one) => !one.includes('?'))) {
      await page.goto(`${keyferry.adminUrl}${path}?${query}`);
      await isInert(`${path} with a query`);
    }

    await page.goto(`${keyferry.adminUrl}/secrets/marked`);
    await page.getByText('older versions').click();
    for (const text of PAYLOADS) {
      expect(await page.getByText(text, { exact: true }).count()).toBeGreaterThan(0);
    }
    // What is refused comes back into the form as it was typed.
    for (const [path, field, button] of [
      ['/secrets/new', 'Description', 'Create secret'],
      ['/clients', 'Routes it may use', 'Create client'],
      ['/admins', 'Secrets that begin with', 'Create admin'],
      ['/channels', 'Address', 'Create channel'],
    ] as const) {
      await page.goto(keyferry.adminUrl + path);
      await page.locator('form').evaluateAll((forms) => {
        for (const form of forms) form.setAttribute('novalidate', '');
      });
      await page.locator('[name="name"]').fill(`1 ${ALL}`);
      await page.getByLabel(field).first().fill(ALL);
      await page.getByRole('button', { name: button }).click();
      await page.getByRole('alert').first().waitFor();
      await isInert(`${path} refused`);
    }
    await page.goto(`${keyferry.adminUrl}/routes`);
    await page.getByText('Edit', { exact: true }).click();
    await page.getByRole('textbox', { name: 'Document' }).fill(JSON.stringify({ [ALL]: ALL }));
    await page.getByRole('button', { name: 'Check' }).click();
    await page.getByText('cannot be applied').waitFor();
    await isInert('/routes refused');
    const unexpected = /the server responded with a status of (?:400|404|409|422)/;
    expect(complaints.filter((one) => !unexpected.test(one))).toEqual([]);
  });
});
