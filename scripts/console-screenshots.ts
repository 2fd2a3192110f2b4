/**
 * Takes pictures of every page of the console, with the data of a made-up company: `npm run screenshots FOLDER`, light
 * and dark, wide and narrow. Without a folder, those of the README go into `docs/images/`.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { signIn, startBrowser } from '../test/console/start-browser.js';
import { type Demo, startDemo } from './demo/start-demo.js';

const [folder] = process.argv.slice(2);
const dataDir = mkdtempSync(join(tmpdir(), 'keyferry-demo-'));
const demo = await startDemo(dataDir);
const browser = await startBrowser();
try {
  const context = await browser.newContext({ timezoneId: 'Europe/Berlin', locale: 'en-GB' });
  const page = await context.newPage();
  await signIn(page, demo.adminUrl, demo.token);
  if (folder === undefined) await takeForReadme(page, demo);
  else await takeAll(page, demo, folder);
} finally {
  await browser.close();
  await demo.close();
  rmSync(dataDir, { recursive: true, force: true });
}

async function takeForReadme(page: Page, { adminUrl, ids }: Demo): Promise<void> {
  const images = fileURLToPath(new URL('../docs/images/', import.meta.url));
  mkdirSync(images, { recursive: true });
  await page.setViewportSize({ width: 1280, height: 720 });
  for (const [name, path, colorScheme] of [
    ['console-overview', '/#requests', 'light'],
    ['console-secrets', '/secrets', 'light'],
    ['console-secret-dark', '/secrets/orders_service_key#production', 'dark'],
    ['console-cutover', `/cutovers/${ids.cutover}`, 'light'],
    ['console-rotation-dark', `/rotations/${ids.grace}`, 'dark'],
  ] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await page.goto(adminUrl + path);
    await page.screenshot({ path: join(images, `${name}.png`) });
  }
}

async function takeAll(page: Page, { adminUrl, ids }: Demo, into: string): Promise<void> {
  mkdirSync(into, { recursive: true });
  const only = process.argv.slice(3);
  const paths: readonly (readonly [name: string, path: string])[] = [
    ['overview', '/'],
    ['secrets', '/secrets'],
    ['secret', '/secrets/stripe_api_key'],
    ['secret-cutover', '/secrets/orders_service_key'],
    ['secret-new', '/secrets/new'],
    ['cutovers', '/cutovers'],
    ['cutover', `/cutovers/${ids.cutover}`],
    ['cutover-rolled-back', `/cutovers/${ids.rolledBack}`],
    ['rotations', '/rotations'],
    ['rotation-done', `/rotations/${ids.done}`],
    ['rotation-failed', `/rotations/${ids.failed}`],
    ['rotation-waits', `/rotations/${ids.waits}`],
    ['rotation-grace', `/rotations/${ids.grace}`],
    ['rotation-new', '/rotations/new'],
    ['rotation-new-aws', '/rotations/new?provider=aws'],
    ['rotation-new-custom', '/rotations/new?provider=custom'],
    ['routes', '/routes'],
    ['routes-try', '/routes/try?at=production%20orders'],
    ['revisions', '/routes/revisions'],
    ['revision', '/routes/revisions/2'],
    ['clients', '/clients'],
    ['alerts', '/alerts'],
    ['channels', '/channels'],
    ['audit', '/audit'],
    ['admins', '/admins'],
    ['system', '/system'],
    ['not-found', '/no-such-page'],
  ];
  for (const [name, path] of paths) {
    if (only.length > 0 && !only.includes(name)) continue;
    for (const [look, colorScheme, width, height] of [
      ['light', 'light', 1280, 800],
      ['dark', 'dark', 1280, 800],
      ['phone', 'light', 390, 844],
    ] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await page.setViewportSize({ width, height });
      await page.goto(adminUrl + path);
      await page.screenshot({ path: join(into, `${name}-${look}.png`), fullPage: true });
    }
  }
}
