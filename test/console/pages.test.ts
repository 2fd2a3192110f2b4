import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { visitConsole } from '../support/console-visit.js';
import { PATIENCE_MS } from '../support/patience.js';
import { startKeyferry, type TestKeyferry } from '../support/start-keyferry.js';
import { EMPTY_PAGES, fillPages } from './fill-pages.js';
import { hasChromium, openPage, signIn, startBrowser, type WatchedPage } from './start-browser.js';

const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What is on a page depends on its width alone: in the other scheme only the colours are looked at, as WCAG's AA has them. */
const ALL = { resultTypes: ['violations'] };
const COLOURS = { ...ALL, runOnly: ['color-contrast', 'link-in-text-block'] };
const LOOKS = [
  { name: 'light, wide', colorScheme: 'light', width: 1280, rules: ALL },
  { name: 'dark, wide', colorScheme: 'dark', width: 1280, rules: COLOURS },
  { name: 'dark, on a phone', colorScheme: 'dark', width: 390, rules: ALL },
  { name: 'light, on a phone', colorScheme: 'light', width: 390, rules: COLOURS },
] as const;

/** What axe-core finds serious or critical on the page as it is, and whether it is wider than the screen. */
async function findingsOf(page: Page, where: string): Promise<string[]> {
  const found: string[] = [];
  for (const { name, colorScheme, width, rules } of LOOKS) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await page.setViewportSize({ width, height: 900 });
    const violations = await page.evaluate<string>(`axe.run(document, ${JSON.stringify(rules)})
      .then(({ violations }) => JSON.stringify(
        violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
          .flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) =>
            id + ': ' + target.join(' ') + ': ' + failureSummary))))`);
    found.push(...(JSON.parse(violations) as string[]).map((one) => `${where} ${name}: ${one}`));
    const isWide = await page.evaluate<boolean>(
      'document.documentElement.scrollWidth > window.innerWidth',
    );
    if (isWide) found.push(`${where} ${name}: wider than the screen`);
  }
  return found;
}

/** A page in which every document has axe-core: the browser compiles it once, and not for each of them. */
async function openTested(browser: Browser): Promise<WatchedPage> {
  const context = await browser.newContext();
  await context.addInitScript(AXE);
  return openPage(context);
}

const rootToken = async ({ dataDir }: TestKeyferry): Promise<string> =>
  (await readFile(join(dataDir, 'admin-token'), 'utf8')).trim();

/** What a browser says of a page that was refused. */
const isExpected = (complaint: string): boolean =>
  /the server responded with a status of (?:400|401|403|404|409|422)/.test(complaint);

describe.skipIf(!hasChromium)('in a browser (skipped without Chromium)', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(() => browser.close());

  test('axe-core finds nothing serious on any page that shows something, and who may only read is offered no change', async () => {
    const keyferry = await startKeyferry();
    const { paths } = await fillPages(keyferry, 'a note of somebody');
    const { page, complaints } = await openTested(browser);
    await signIn(page, keyferry.adminUrl, await rootToken(keyferry));
    const found: string[] = [];
    for (const path of paths.filter((one) => !one.endsWith('/live'))) {
      await page.goto(keyferry.adminUrl + path);
      found.push(...(await findingsOf(page, path)));
    }
    expect(found).toEqual([]);
    expect(complaints.filter((one) => !isExpected(one))).toEqual([]);

    const { token } = await keyferry.admin<{ token: string }>('POST', '/v1/admins', {
      name: 'looks',
      role: 'viewer',
    });
    const visit = await visitConsole(keyferry.adminUrl, { token });
    const offered = new Set<string>();
    for (const path of paths.filter((one) => !one.startsWith('/sign-in'))) {
      const { text } = await visit.get(path);
      for (const [, action = ''] of text.matchAll(/<form method="post" action="([^"]*)"/g)) {
        offered.add(action);
      }
    }
    expect([...offered].toSorted()).toEqual(['/audit/verify', '/sign-out']);
  });

  test('axe-core finds nothing serious on empty pages, refusals, tokens shown once, an open menu', async () => {
    const keyferry = await startKeyferry();
    const { page, complaints } = await openTested(browser);
    const { adminUrl } = keyferry;
    const found: string[] = [];
    const look = async (where: string): Promise<void> => {
      found.push(...(await findingsOf(page, where)));
    };
    await page.goto(`${adminUrl}/sign-in`);
    await page.getByLabel('Admin token').fill('kfa_wrong');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('alert').waitFor();
    await look('a token that is not known');
    await signIn(page, adminUrl, await rootToken(keyferry));
    for (const path of EMPTY_PAGES) {
      await page.goto(adminUrl + path);
      await look(`${path}, empty`);
    }
    const create = async (path: string, button: string, name: string): Promise<void> => {
      await page.goto(adminUrl + path);
      await page.locator('[name="name"]').fill(name);
      await page.getByRole('button', { name: button }).click();
    };
    await create('/clients', 'Create client', 'app');
    await page.locator('#shown-once').waitFor();
    await look('the token of a client');
    await page.getByRole('button', { name: 'Revoke the client app' }).click();
    await page.getByRole('dialog').waitFor();
    await look('a question before something is done');
    await create('/clients', 'Create client', '<not a name>');
    await page.getByRole('alert').waitFor();
    expect(await page.locator('[name="name"]').inputValue()).toBe('<not a name>');
    await look('a client that was refused');
    await create('/admins', 'Create admin', 'other');
    await page.locator('#shown-once').waitFor();
    await look('the token of an admin');
    await page.goto(`${adminUrl}/routes`);
    await page.getByRole('textbox', { name: 'Document' }).fill('{"routes": [{}]}');
    await page.getByRole('button', { name: 'Check' }).click();
    await page.getByText('cannot be applied').waitFor();
    await look('a document that was refused');
    await page.setViewportSize({ width: 390, height: 900 });
    await page.getByRole('button', { name: 'Menu' }).click();
    await page.getByRole('link', { name: 'System' }).waitFor();
    await look('an open menu');

    const { token } = await keyferry.admin<{ token: string }>('POST', '/v1/admins', {
      name: 'reader',
      role: 'viewer',
    });
    await page.context().clearCookies();
    await signIn(page, adminUrl, token);
    await page.goto(`${adminUrl}/admins`);
    await look('a page that is not for a viewer');
    expect(found).toEqual([]);
    expect(complaints.filter((one) => !isExpected(one))).toEqual([]);
  });

  test('by keyboard: the skip link, the search, focus that stays in a part that shows itself anew', async () => {
    const keyferry = await startKeyferry();
    const { paths } = await fillPages(keyferry, 'a note of somebody');
    const { page } = await openPage(await browser.newContext({ timezoneId: 'Asia/Tokyo' }));
    await signIn(page, keyferry.adminUrl, await rootToken(keyferry));
    const active = (): Promise<string> =>
      page.evaluate<string>('document.activeElement.id || document.activeElement.textContent');
    await page.goto(`${keyferry.adminUrl}/secrets`);
    await page.keyboard.press('Tab');
    expect(await active()).toContain('Skip to the content');
    await page.keyboard.press('Enter');
    expect(page.url()).toMatch(/#main_content$/);
    const outline = await page.evaluate<string>(
      `(() => { const link = document.querySelector('main a'); link.focus({ focusVisible: true });
        return getComputedStyle(link).outlineStyle; })()`,
    );
    expect(outline).toBe('solid');

    await page.evaluate('document.activeElement.blur()');
    await page.keyboard.press('/');
    await page.keyboard.type('hook/key');
    // In a field it is a letter like others.
    expect(await page.getByRole('searchbox', { name: 'Search' }).inputValue()).toBe('hook/key');

    const cutover = paths.find((path) => /^\/cutovers\/[^/]+$/.test(path)) ?? '';
    await page.goto(keyferry.adminUrl + cutover);
    await page.getByRole('button', { name: 'Pause' }).focus();
    const focused = await active();
    expect(focused).toMatch(/^pause-/);
    await page.evaluate("document.querySelector('.live').dataset.seen = 'yes'");
    await page.locator('.live:not([data-seen])').waitFor({ timeout: PATIENCE_MS });
    expect(await active()).toBe(focused);
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Resume' }).waitFor();
    // In the viewer's own zone, nine hours after the UTC of a page without scripts.
    const time = page.locator('main time').first();
    const at = new Date((await time.getAttribute('datetime')) ?? '');
    const hour = new Intl.DateTimeFormat('en-US', { timeStyle: 'short', timeZone: 'Asia/Tokyo' });
    expect(await time.textContent()).toContain(hour.format(at));
  });
});
