import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PATIENCE_MS } from '../support/patience.js';
import { startKeyferry, type TestKeyferry } from '../support/start-keyferry.js';
import { hasChromium, openPage, signIn, startBrowser } from './start-browser.js';

const rootToken = async ({ dataDir }: TestKeyferry): Promise<string> =>
  (await readFile(join(dataDir, 'admin-token'), 'utf8')).trim();

describe.skipIf(!hasChromium)('in a browser (skipped without Chromium)', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(() => browser.close());

  test('without scripts, what is done for good is asked first, by mouse and by keyboard', async () => {
    const keyferry = await startKeyferry();
    await keyferry.secret('asked_key', { production: 'value-of-asked-1' });
    const versions = '/v1/secrets/asked_key/environments/production/versions';
    await keyferry.admin('POST', versions, { value: 'value-of-asked-2' });
    const state = async (): Promise<unknown> => {
      const { items } = await keyferry.admin<{ items: { state: string }[] }>('GET', versions);
      return items[0]?.state;
    };
    const { page } = await openPage(await browser.newContext({ javaScriptEnabled: false }));
    await signIn(page, keyferry.adminUrl, await rootToken(keyferry));
    await page.goto(`${keyferry.adminUrl}/secrets/asked_key`);
    const asks = page.getByRole('button', { name: 'Revoke version 2 of asked_key in production' });
    const does = page.getByRole('button', { name: 'Revoke version 2', exact: true });
    const question = page.getByRole('dialog', { name: 'Revoke version 2 of asked_key' });
    expect(await does.isVisible()).toBe(false);

    await asks.focus();
    await page.keyboard.press('Enter');
    expect(await question.textContent()).toContain('It can never be used again');
    expect(await page.locator(':focus').textContent()).toBe('Cancel');
    await page.keyboard.press('Escape');
    await question.waitFor({ state: 'hidden' });
    expect(await page.locator(':focus').textContent()).toBe('Revoke');
    await asks.click();
    await question.getByRole('button', { name: 'Cancel' }).click();
    await question.waitFor({ state: 'hidden' });
    expect(await state()).toBe('staged');

    await asks.click();
    await does.click();
    await page.getByText('revoked', { exact: true }).waitFor();
    expect(await state()).toBe('revoked');
  });

  test('a part that shows itself anew waits while somebody is being asked in it', async () => {
    const keyferry = await startKeyferry();
    await keyferry.secret('live_key', { production: 'value-of-live-1' });
    const place = '/v1/secrets/live_key/environments/production';
    await keyferry.admin('POST', `${place}/versions`, { value: 'value-of-live-2' });
    const { id } = await keyferry.admin<{ id: string }>('POST', `${place}/cutovers`, {
      toVersion: 2,
      stepMinSeconds: 3600,
    });
    const { page, complaints } = await openPage(await browser.newContext());
    await signIn(page, keyferry.adminUrl, await rootToken(keyferry));
    await page.goto(`${keyferry.adminUrl}/cutovers/${id}`);
    const isNew = page.locator('.live:not([data-seen])');
    const isAnswered = () => page.waitForResponse(/\/live$/);
    await page.getByRole('button', { name: 'Roll back' }).click();
    await page.evaluate("document.querySelector('.live').dataset.seen = 'yes'");
    await isAnswered();
    await isAnswered();
    const question = page.getByRole('dialog', { name: 'Roll live_key in production back' });
    expect([await question.isVisible(), await isNew.count()]).toEqual([true, 0]);
    await page.keyboard.press('Escape');
    await isNew.waitFor({ timeout: PATIENCE_MS });
    await page.getByRole('button', { name: 'Roll back' }).click();
    await question.getByRole('button', { name: 'Roll back' }).click();
    await page.locator('.live').getByText('rolled back', { exact: true }).waitFor();
    expect(complaints).toEqual([]);
  });
});
