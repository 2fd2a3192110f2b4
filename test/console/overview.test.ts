import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { visitConsole } from '../support/console-visit.js';
import { startCredentialUpstream } from '../support/credential-upstream.js';
import { PATIENCE_MS } from '../support/patience.js';
import { startKeyferry, type TestKeyferry } from '../support/start-keyferry.js';
import { hasChromium, openPage, signIn, startBrowser } from './start-browser.js';

const RIGHT = 'real-shop-key-1d9f77c2';
const WRONG = 'wrong-mail-key-5b02a4e8';
const REFUSED = 12;

const tokenOf = async ({ dataDir }: TestKeyferry): Promise<string> =>
  (await readFile(join(dataDir, 'admin-token'), 'utf8')).trim();

/** 3 requests accepted, 12 refused, 2 that are not sent; and a cutover under way. */
async function startUsed(): Promise<{ keyferry: TestKeyferry; cutover: string }> {
  const upstream = await startCredentialUpstream(RIGHT);
  const keyferry = await startKeyferry();
  await keyferry.secret('shop', { production: RIGHT });
  await keyferry.secret('mail', { production: WRONG });
  const place = '/v1/secrets/shop/environments/production';
  await keyferry.admin('POST', `${place}/versions`, { value: `${RIGHT}-2` });
  await keyferry.routes(
    ['shop', 'mail'].map((name) => ({
      name,
      match: { pathPrefix: `/${name}` },
      headers: { Authorization: `Bearer <<secret:${name}>>` },
      environments: { production: { upstream: upstream.origin, allowPrivateNetwork: true } },
    })),
  );
  const token = await keyferry.client('production');
  const ask = async (path: string, given = token): Promise<number> => {
    const headers = { 'Keyferry-Token': given };
    return (await fetch(keyferry.proxyUrl + path, { headers })).status;
  };
  for (let index = 0; index < 3; index++) expect(await ask('/shop')).toBe(200);
  for (let index = 0; index < REFUSED; index++) expect(await ask('/mail')).toBe(401);
  expect(await ask('/nowhere')).toBe(404);
  expect(await ask('/shop', 'no token')).toBe(401);
  const { id } = await keyferry.admin<{ id: string }>('POST', `${place}/cutovers`, {
    toVersion: 2,
    steps: [1, 100],
  });
  return { keyferry, cutover: id };
}

test('the overview tells of requests, ages and what needs a person, also without scripts', async () => {
  const { keyferry } = await startUsed();
  const visit = await visitConsole(keyferry.adminUrl, { token: await tokenOf(keyferry) });
  /** What the page says in the end: counts are written once a second, ages and alerts are judged by timers. */
  const says = async (...words: readonly string[]): Promise<void> => {
    const missing = async () => {
      const { text } = await visit.get('/');
      return words.filter((word) => !text.includes(word));
    };
    await expect.poll(missing, { timeout: PATIENCE_MS, interval: 300 }).toEqual([]);
  };
  await says(
    '3 accepted, 2 not sent, 12 refused',
    'refuses version 1 of mail',
    'production</th><td>2</td>',
  );
  const { text } = await visit.get('/?span=7d&environment=production');
  // Without a valid token nobody knows the environment.
  expect(text).toContain('3 accepted, 1 not sent, 12 refused');
  expect(text).toContain('<span class="figure bad">1</span> open alert, 1 urgent');
  expect(text).toContain('<td class="number">3</td><td class="number">1</td><td class="number">12');
  expect((await visit.get('/?environment=staging')).text).toContain('No request in the last 24');
  expect((await visit.get('/?environment=nowhere')).status).toBe(422);
  const reader = await keyferry.admin<{ token: string }>('POST', '/v1/admins', {
    name: 'limited',
    role: 'viewer',
    secretPrefix: 'shop',
  });
  const limited = await visitConsole(keyferry.adminUrl, { token: reader.token });
  const seen = (await limited.get('/')).text;
  expect(seen).toContain('Cutovers under way');
  expect(seen).not.toMatch(/mail|Requests and refusals|Secrets by age/);
  expect(text).not.toContain('fails in an environment');
  const failing = {
    name: 'lacks',
    match: { pathPrefix: '/lacks' },
    headers: { Authorization: 'Bearer <<secret:mail>>' },
    environments: { staging: { upstream: 'https://api.example.com' } },
  };
  await keyferry.routes([failing], '?allowMissing=true');
  expect((await visit.get('/')).text).toContain('One route fails in an environment');
  expect((await limited.get('/')).text).not.toContain('fails in an environment');
});

describe.skipIf(!hasChromium)('in a browser (skipped without Chromium)', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(() => browser.close());

  test('charts are drawn within the policy, in light and dark, wide and narrow, and cutovers show themselves anew', async () => {
    const { keyferry, cutover } = await startUsed();
    const { page, complaints } = await openPage(await browser.newContext());
    await signIn(page, keyferry.adminUrl, await tokenOf(keyferry));
    const chart = page.locator('section:has(#requests) .plot');
    await expect
      .poll(
        async () => {
          await page.reload();
          return chart.getAttribute('aria-label', { timeout: 1000 }).catch(() => '');
        },
        { timeout: PATIENCE_MS },
      )
      .toContain('12 refused');
    /** Pixels of the chart that are about the colour of a series. */
    const drawn = (name: string) =>
      page.evaluate<number>(`(() => {
        const canvas = document.querySelector('.plot canvas');
        const probe = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
        Object.assign(probe.canvas, { width: canvas.width, height: canvas.height });
        probe.fillStyle = getComputedStyle(document.documentElement).getPropertyValue('--${name}').trim();
        probe.fillRect(0, 0, 1, 1);
        const wanted = probe.getImageData(0, 0, 1, 1).data;
        if (canvas.width === 0) return 0;
        probe.clearRect(0, 0, 1, 1);
        probe.drawImage(canvas, 0, 0);
        const { data } = probe.getImageData(0, 0, canvas.width, canvas.height);
        let count = 0;
        for (let at = 0; at < data.length; at += 4) {
          if ([0, 1, 2].every((part) => Math.abs(data[at + part] - wanted[part]) < 12)) count++;
        }
        return count;
      })()`);
    for (const [colorScheme, width] of [
      ['light', 1280],
      ['dark', 1280],
      ['dark', 390],
    ] as const) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 900 });
      await expect.poll(() => drawn('chart-refused'), { timeout: PATIENCE_MS }).toBeGreaterThan(20);
      await expect.poll(() => drawn('chart-accepted'), { timeout: PATIENCE_MS }).toBeGreaterThan(5);
      const isWide = 'document.documentElement.scrollWidth > window.innerWidth';
      await expect.poll(() => page.evaluate(isWide), { timeout: PATIENCE_MS }).toBe(false);
      if (process.env.SCREENSHOTS !== undefined) {
        const file = `overview-${colorScheme}-${width}.png`;
        await page.screenshot({ path: join(process.env.SCREENSHOTS, file), fullPage: true });
      }
    }
    await page.setViewportSize({ width: 1280, height: 900 });
    const live = page.locator('#cutovers-live');
    await live.getByText('CANARY').waitFor();
    // Still the same page.
    await page.evaluate('window.isSame = true');
    await keyferry.admin('POST', `/v1/cutovers/${cutover}/pause`);
    await live.getByText('paused').waitFor({ timeout: PATIENCE_MS });
    await keyferry.admin('POST', `/v1/cutovers/${cutover}/rollback`);
    await live.getByText('None.').waitFor({ timeout: PATIENCE_MS });
    expect(await page.evaluate('window.isSame')).toBe(true);
    await page.goto(`${keyferry.adminUrl}/secrets/shop`);
    const use = page.locator('#production .plot');
    expect(await use.getAttribute('aria-label')).toBe('Requests with each version: 3 v1');
    await expect.poll(() => drawn('chart-version-1'), { timeout: PATIENCE_MS }).toBeGreaterThan(20);
    if (process.env.SCREENSHOTS !== undefined) {
      await page.screenshot({ path: join(process.env.SCREENSHOTS, 'use.png'), fullPage: true });
    }
    await page.getByRole('link', { name: '7 days' }).click();
    await page.locator('#production').getByText('The same as a table').click();
    const row = page.locator('#production figure .scrolls tbody tr');
    expect(await row.locator('td').allTextContents()).toEqual(['3']);
    await page.goto(`${keyferry.adminUrl}/secrets/mail`);
    expect(await use.getAttribute('aria-label')).toContain('12 v1, 12 v1 refused');
    expect(complaints).toEqual([]);
  });
});
