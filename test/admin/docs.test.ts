import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startAdmin, type TestAdmin } from './start-admin.js';

const CHROMIUM = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';

let admin: TestAdmin;
beforeAll(async () => {
  admin = await startAdmin();
});
afterAll(() => admin.stop());

test('the page names only this server', async () => {
  const page = await admin.call('GET', '/docs', { token: null });
  expect(page.headers.get('content-type')).toContain('text/html');
  const policy = page.headers.get('content-security-policy') ?? '';
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toContain('unsafe');
  expect(page.text).not.toMatch(/https?:\/\//);
  const files = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1] ?? '');
  expect(files.length).toBeGreaterThan(3);
  for (const file of files)
    expect((await admin.call('GET', file, { token: null })).status).toBe(200);
  expect((await admin.call('GET', '/docs/package.json', { token: null })).status).toBe(404);
  expect((await admin.call('GET', '/docs/../package.json', { token: null })).status).toBe(404);
});

describe.skipIf(!existsSync(CHROMIUM))('in a browser (skipped without Chromium)', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
  });
  afterAll(() => browser.close());

  test('the page shows every call, and tries one, under its policy', async () => {
    const page = await browser.newPage({ viewport: { width: 1200, height: 900 } });
    const complaints: string[] = [];
    const foreign: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning')
        complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('request', (request) => {
      if (!request.url().startsWith(admin.origin)) foreign.push(request.url());
    });
    await page.goto(`${admin.origin}/docs`);
    await page.locator('.opblock').first().waitFor();
    const document = (await admin.call('GET', '/v1/openapi.json', { token: null })).body;
    const count = Object.values<object>(document.paths).flatMap((item) => Object.keys(item)).length;
    expect(await page.locator('.opblock').count()).toBe(count);

    await page.locator('button.authorize').click();
    const bearer = page
      .locator('.auth-container')
      .filter({ has: page.locator('#auth-bearer-value') })
      .last();
    await bearer.locator('input').fill(admin.rootToken);
    await bearer.locator('button.authorize').click();
    await page.locator('button.btn-done').first().click();
    const block = page.locator('#operations-environments-getEnvironments');
    await block.locator('.opblock-summary-control').click();
    await block.locator('button.execute').click();
    const answer = block.locator('.live-responses-table tbody .response-col_description');
    await answer.first().waitFor();
    expect(await answer.first().textContent()).toContain('production');
    if (process.env.SCREENSHOTS !== undefined) {
      await page.screenshot({ path: `${process.env.SCREENSHOTS}/docs.png` });
    }
    expect(foreign.filter((url) => !url.startsWith('data:'))).toEqual([]);
    expect(complaints).toEqual([]);
  });
});
