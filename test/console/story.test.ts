import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { CanaryWatch } from '../support/canary.js';
import { startCredentialUpstream } from '../support/credential-upstream.js';
import { clientsOf } from '../support/cutover-rig.js';
import { PATIENCE_MS } from '../support/patience.js';
import { startCustomStandIn } from '../support/stand-ins/custom.js';
import { startKeyferry } from '../support/start-keyferry.js';
import { startLoad } from '../support/steady-load.js';
import { hasChromium, openPage, signIn, startBrowser } from './start-browser.js';

const FIRST = 'real-first-key-6d02a9b1';
const SECOND = 'real-second-key-c8e41f70';
const WRONG = 'wrong-third-key-93ab20de';
const STAGING = 'real-staging-key-15f7c3e8';
const DEVELOPMENT = 'real-development-key-7b60';
const VALUES = [FIRST, SECOND, WRONG, STAGING, DEVELOPMENT];

describe.skipIf(!hasChromium)('in a browser (skipped without Chromium)', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(() => browser.close());

  test('a new user stores a key, uses it, replaces it, sees a wrong one go, and checks the log', async () => {
    const upstream = await startCredentialUpstream(FIRST, SECOND);
    const keyferry = await startKeyferry();
    const token = (await readFile(join(keyferry.dataDir, 'admin-token'), 'utf8')).trim();
    const { page, complaints, documents } = await openPage(await browser.newContext());
    const { adminUrl } = keyferry;
    await signIn(page, adminUrl, token);

    await page.getByRole('link', { name: 'create a secret' }).click();
    await page.getByLabel('Name', { exact: false }).first().fill('orders_key');
    await page.getByLabel('production').fill(FIRST);
    await page.getByLabel('staging').fill(STAGING);
    await page.getByLabel('development').fill(DEVELOPMENT);
    await page.getByRole('button', { name: 'Create secret' }).click();
    await page.getByRole('heading', { name: 'orders_key' }).waitFor();
    expect(await page.getByText('current', { exact: true }).count()).toBe(3);

    await page.goto(`${adminUrl}/routes`);
    const document = page.getByRole('textbox', { name: 'Document' });
    const route = {
      name: 'orders',
      match: { pathPrefix: '/api' },
      headers: { Authorization: 'Bearer <<secret:orders_kye>>' },
      environments: { production: { upstream: upstream.origin, allowPrivateNetwork: true } },
    };
    await document.fill(JSON.stringify({ routes: [route] }));
    await page.getByRole('button', { name: 'Check' }).click();
    await page.getByText('did you mean "orders_key"?').waitFor();
    const fixed = { ...route, headers: { Authorization: 'Bearer <<secret:orders_key>>' } };
    await document.fill(JSON.stringify({ routes: [fixed] }));
    await page.getByRole('button', { name: 'Apply' }).click();
    await page.getByRole('button', { name: 'Apply the document' }).click();
    await page.getByRole('rowheader', { name: 'orders' }).waitFor();

    const tokens = [await keyferry.client('production'), await keyferry.client('production')];
    const ask = clientsOf(keyferry, tokens);
    expect(await ask(1)).toBe(200);
    await expect
      .poll(
        async () => {
          await page.goto(`${adminUrl}/secrets/orders_key`);
          return page.getByText('Used by one consumer').count();
        },
        { timeout: PATIENCE_MS },
      )
      .toBe(1);

    const load = startLoad(30, async (call) => {
      const status = await ask(call);
      if (status !== 200) throw new Error(`status ${status}`);
    });
    const cutOverTo = async (value: string): Promise<void> => {
      await page.goto(`${adminUrl}/secrets/orders_key`);
      const panel = page.locator('section#production');
      await panel.getByText('Add a version').click();
      await panel.getByLabel('Value', { exact: true }).fill(value);
      await panel.getByRole('button', { name: 'Add version' }).click();
      await panel.getByText('staged', { exact: true }).waitFor();
      await panel.getByText('Cut over, judged by live traffic').click();
      await panel.getByLabel('Steps, in percent').fill('50, 100');
      await panel.getByLabel('Requests per step, at least').fill('10');
      await panel.getByLabel('Seconds per step, at least').fill('1');
      await panel.getByLabel('Old version stays live, minutes').fill('0');
      await panel.getByRole('button', { name: 'Start cutover' }).click();
      await page.locator('.live').waitFor();
    };
    await cutOverTo(SECOND);
    await page.locator('.live').getByText('completed').waitFor({ timeout: PATIENCE_MS });
    await cutOverTo(WRONG);
    await page.locator('.live').getByText('rolled back', { exact: true }).waitFor({
      timeout: PATIENCE_MS,
    });
    expect(await page.locator('.live .notice.bad').textContent()).toContain('was refused');
    // What stands below is of now, too.
    await page.locator('#about').getByText(', by itself').waitFor({ timeout: PATIENCE_MS });
    expect(await page.locator('#about').getByText('it runs').count()).toBe(0);
    expect((await load.stop()).failures).toEqual([]);

    const webhook = await startCustomStandIn();
    onTestFinished(() => webhook.close());
    const create = async (name: string, environment: string, value: string): Promise<void> => {
      await page.goto(`${adminUrl}/secrets/new`);
      await page.getByLabel('Name', { exact: false }).first().fill(name);
      if (environment === '_providers') {
        await page.getByText("It is a credential for a rotation's provider").click();
      }
      await page.getByLabel(environment).fill(value);
      await page.getByRole('button', { name: 'Create secret' }).click();
      await page.getByRole('heading', { name, exact: true }).waitFor();
    };
    const hookSecret = webhook.providerSecrets.hook_secret ?? '';
    await create('hook_secret', '_providers', hookSecret);
    await create('hook_key', 'production', webhook.initial ?? '');
    await page.getByRole('link', { name: 'Enable a rotation of hook_key in production' }).click();
    await page.getByRole('link', { name: 'Custom webhook' }).click();
    expect(await page.getByLabel('Secret', { exact: true }).first().inputValue()).toBe('hook_key');
    await page.getByLabel('Every so many days').fill('30');
    await page.getByLabel('Both keys live, minutes').fill('0');
    await page.getByLabel('Old key off before it is deleted, minutes').fill('0');
    await page.getByLabel('Url').fill(String(webhook.config.url));
    await page.locator('[name="config.secret"]').fill('hook_secret');
    await page.getByLabel('Allow private network').selectOption('yes');
    await page.getByRole('button', { name: 'Enable' }).click();
    await page.getByRole('heading', { name: 'Rotation of hook_key in production' }).waitFor();
    await page.getByRole('button', { name: 'Check' }).click();
    await page.locator('.notice.good').waitFor();
    await page.getByRole('button', { name: 'Rotate now' }).click();
    await page.getByRole('button', { name: 'Make the new key' }).click();
    await page.locator('#run').getByText('done', { exact: true }).first().waitFor({
      timeout: PATIENCE_MS,
    });
    await page.getByRole('link', { name: 'Load it again' }).click();
    await page.getByRole('button', { name: 'Rotate now' }).waitFor();
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('button', { name: 'Resume' }).waitFor();
    expect((await webhook.keys()).map(({ state }) => state)).toEqual(['gone', 'live']);

    const rolledBack = `${adminUrl}/alerts?kind=cutover_rolled_back`;
    await expect
      .poll(
        async () => {
          await page.goto(rolledBack);
          return page.getByRole('button', { name: /^Acknowledge: .*orders_key/ }).count();
        },
        { timeout: PATIENCE_MS },
      )
      .toBeGreaterThan(0);
    const alert = page.getByRole('listitem').filter({ hasText: 'orders_key' }).first();
    await alert.getByText('What to do').click();
    await alert.getByRole('textbox').fill('told the vendor');
    // The list stays as it was filtered.
    const shownAgain = page.waitForResponse((response) => response.url() === rolledBack);
    await alert.getByRole('button').click();
    expect((await shownAgain).status()).toBe(200);
    // What has happened is over when somebody has seen it.
    await page.goto(`${adminUrl}/alerts?all=on`);
    await page.getByText('told the vendor').waitFor();

    await page.goto(`${adminUrl}/audit`);
    await page.getByRole('button', { name: 'Verify' }).click();
    await page.locator('.notice.good').waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('Admin token').waitFor();
    await page.goto(`${adminUrl}/secrets`);
    expect(new URL(page.url()).pathname).toBe('/sign-in');

    expect(complaints).toEqual([]);
    const canary = new CanaryWatch();
    for (const value of [...VALUES, hookSecret, webhook.initial ?? '']) canary.watch(value, value);
    canary.add('pages', documents.join('\n'));
    expect(canary.bytes).toBeGreaterThan(10_000);
    expect(canary.findings()).toEqual([]);
  });
});
