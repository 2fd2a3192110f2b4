import { existsSync } from 'node:fs';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';

const CHROMIUM = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';
export const hasChromium = existsSync(CHROMIUM);

export function startBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
}

export interface WatchedPage {
  readonly page: Page;
  /** Errors and warnings of the page's own console, policy violations among them, uncaught errors, and dialogs of scripts. */
  readonly complaints: string[];
  /** Every document that was received. */
  readonly documents: string[];
}

export async function openPage(context: BrowserContext): Promise<WatchedPage> {
  const page = await context.newPage();
  const watched: WatchedPage = { page, complaints: [], documents: [] };
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning')
      watched.complaints.push(`${page.url()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => watched.complaints.push(`${page.url()}: ${error}`));
  page.on('dialog', (dialog) => {
    watched.complaints.push(`${page.url()}: a dialog of a script: ${dialog.message()}`);
    dialog.dismiss().catch(() => undefined);
  });
  page.on('response', (response) => {
    if (!(response.headers()['content-type'] ?? '').includes('html')) return;
    response.text().then(
      (text) => watched.documents.push(text),
      () => undefined,
    );
  });
  return watched;
}

/** By its admin token, at the sign-in page. */
export async function signIn(page: Page, origin: string, token: string): Promise<void> {
  await page.goto(`${origin}/sign-in`);
  await page.getByLabel('Admin token').fill(token);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
}
