/**
 * Takes pictures of every page of the console, with the data of a made-up company and of a server where nothing is yet:
 * `npm run screenshots FOLDER [NAME…]`, light and dark, wide and narrow. Without a folder, those of the README go into
 * `docs/images/`.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BrowserContext, Page } from 'playwright-core';
import { signIn, startBrowser } from '../test/console/start-browser.js';
import { DEMO_PAGES, FRESH_PAGES, type ShownPage, VIEWER_PAGES } from './demo/shown-pages.js';
import { type Demo, startDemo } from './demo/start-demo.js';
import { startFresh } from './demo/start-fresh.js';

const [folder, ...only] = process.argv.slice(2);
const dataDir = mkdtempSync(join(tmpdir(), 'keyferry-demo-'));
const demo = await startDemo(dataDir);
const browser = await startBrowser();
try {
  if (folder === undefined) await takeForReadme(demo);
  else {
    mkdirSync(folder, { recursive: true });
    await takeAll(demo.adminUrl, demo.token, DEMO_PAGES(demo), folder);
    await takeAll(demo.adminUrl, demo.viewerToken, VIEWER_PAGES, folder);
    await takeFresh(folder);
  }
} finally {
  await browser.close();
  await demo.close();
  rmSync(dataDir, { recursive: true, force: true });
}

async function takeFresh(into: string): Promise<void> {
  const freshDir = mkdtempSync(join(tmpdir(), 'keyferry-fresh-'));
  const fresh = await startFresh(freshDir);
  try {
    await takeAll(fresh.adminUrl, fresh.token, FRESH_PAGES, into);
  } finally {
    await fresh.close();
    rmSync(freshDir, { recursive: true, force: true });
  }
}

function openContext(): Promise<BrowserContext> {
  return browser.newContext({
    timezoneId: 'Europe/Berlin',
    locale: 'en-GB',
    reducedMotion: 'reduce',
  });
}

async function takeForReadme({ adminUrl, token, ids }: Demo): Promise<void> {
  const images = fileURLToPath(new URL('../docs/images/', import.meta.url));
  mkdirSync(images, { recursive: true });
  const context = await openContext();
  const page = await context.newPage();
  await signIn(page, adminUrl, token);
  await page.setViewportSize({ width: 1280, height: 720 });
  for (const [name, path, colorScheme] of [
    ['console-overview', '/#requests', 'light'],
    ['console-secrets', '/secrets', 'light'],
    ['console-secret-dark', '/secrets/orders_service_key#production', 'dark'],
    ['console-cutover', `/cutovers/${ids.cutover}`, 'light'],
    ['console-rotation-dark', `/rotations/${ids.grace}`, 'dark'],
  ] as const) {
    await page.emulateMedia({ colorScheme });
    await page.goto(adminUrl + path);
    await page.screenshot({ path: join(images, `${name}.png`) });
  }
}

/** Each page is opened once and looked at in every way: what a form answers is not to be had a second time. */
async function takeAll(
  adminUrl: string,
  token: string,
  pages: readonly ShownPage[],
  into: string,
): Promise<void> {
  const context = await openContext();
  const page = await context.newPage();
  await signIn(page, adminUrl, token);
  for (const { name, path, act, isSignedOut } of pages) {
    if (only.length > 0 && !only.includes(name)) continue;
    const shown = isSignedOut === true ? await (await openContext()).newPage() : page;
    await look(shown, 'light');
    await shown.goto(adminUrl + path);
    await act?.(shown);
    for (const way of ['light', 'dark', 'phone'] as const) {
      await look(shown, way);
      await shown.screenshot({ path: join(into, `${name}-${way}.png`), fullPage: true });
    }
  }
}

async function look(page: Page, way: 'light' | 'dark' | 'phone'): Promise<void> {
  await page.emulateMedia({ colorScheme: way === 'dark' ? 'dark' : 'light' });
  await page.setViewportSize(
    way === 'phone' ? { width: 390, height: 844 } : { width: 1280, height: 800 },
  );
}
