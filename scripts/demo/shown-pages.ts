import type { Page } from 'playwright-core';
import type { Demo } from './start-demo.js';

/** A page as it is shown to somebody: what is at a path, or what came of a form there. */
export interface ShownPage {
  readonly name: string;
  readonly path: string;
  readonly act?: (page: Page) => Promise<void>;
  readonly isSignedOut?: boolean;
}

const at = (name: string, path: string): ShownPage => ({ name, path });

const press = (page: Page, button: string): Promise<void> =>
  page.getByRole('button', { name: button, exact: true }).click();

const ALERT = '[role="alert"]';

/** Presses a button and waits for what comes of it. */
const pressFor =
  (button: string, outcome: string) =>
  async (page: Page): Promise<void> => {
    await press(page, button);
    await page.locator(outcome).first().waitFor();
  };

/** What the admin of the made-up company sees. */
export const DEMO_PAGES = ({ ids }: Pick<Demo, 'ids'>): readonly ShownPage[] => [
  at('overview', '/'),
  at('secrets', '/secrets'),
  at('secrets-filtered', '/secrets?old=true&environment=staging&sort=age&order=desc'),
  at('secret', '/secrets/stripe_api_key'),
  at('secret-cutover', '/secrets/orders_service_key'),
  at('secret-edit', '/secrets/stripe_api_key/edit'),
  at('secret-new', '/secrets/new'),
  at('cutovers', '/cutovers'),
  at('cutover', `/cutovers/${ids.cutover}`),
  at('cutover-rolled-back', `/cutovers/${ids.rolledBack}`),
  at('rotations', '/rotations'),
  at('rotation-done', `/rotations/${ids.done}`),
  at('rotation-failed', `/rotations/${ids.failed}`),
  at('rotation-waits', `/rotations/${ids.waits}`),
  at('rotation-grace', `/rotations/${ids.grace}`),
  at('rotation-edit', `/rotations/${ids.done}/edit`),
  at('rotation-edit-open', `/rotations/${ids.grace}/edit`),
  {
    name: 'rotation-checked',
    path: `/rotations/${ids.done}`,
    act: pressFor('Check', 'main > .notice.good'),
  },
  {
    name: 'rotation-check-failed',
    path: `/rotations/${ids.failed}`,
    act: pressFor('Check', 'main > .notice.bad'),
  },
  at('rotation-new', '/rotations/new'),
  at('rotation-new-aws', '/rotations/new?provider=aws'),
  at('rotation-new-custom', '/rotations/new?provider=custom'),
  at('routes', '/routes'),
  at('routes-try', '/routes/try?at=production%20orders'),
  {
    name: 'routes-try-result',
    path: '/routes/try?at=production%20orders',
    async act(page) {
      await press(page, 'Send');
      await page.getByRole('heading', { name: 'What came back' }).waitFor();
    },
  },
  {
    name: 'routes-try-missing',
    path: '/routes/try?at=staging%20wise',
    act: pressFor('Send', ALERT),
  },
  {
    name: 'routes-edited',
    path: '/routes?edit=true',
    async act(page) {
      await page.getByText('Edit', { exact: true }).click();
      const document = page.getByRole('textbox', { name: 'Document' });
      const text = await document.inputValue();
      await document.fill(text.replace('tax_rates_key', 'tax_rate_key').replace('/maps', '/geo'));
      await press(page, 'Check');
      await page.getByText('cannot be applied').waitFor();
    },
  },
  at('revisions', '/routes/revisions'),
  at('revision', '/routes/revisions/2'),
  at('clients', '/clients'),
  at('alerts', '/alerts'),
  at('channels', '/channels'),
  at('audit', '/audit'),
  {
    name: 'audit-verified',
    path: '/audit?action=version.',
    act: pressFor('Verify', 'main > .notice.good'),
  },
  at('admins', '/admins'),
  at('system', '/system'),
  at('not-found', '/no-such-page'),
  {
    name: 'secret-refused',
    path: '/secrets/new',
    async act(page) {
      await page.locator('[name="name"]').fill('stripe_api_key');
      await pressFor('Create secret', ALERT)(page);
    },
  },
  {
    name: 'client-shown-once',
    path: '/clients',
    async act(page) {
      await page.locator('[name="name"]').fill('shop-mobile');
      await pressFor('Create client', '#shown-once')(page);
    },
  },
  {
    name: 'admin-shown-once',
    path: '/admins',
    async act(page) {
      await page.locator('[name="name"]').fill('deploy-bot');
      await pressFor('Create admin', '#shown-once')(page);
    },
  },
  { name: 'sign-in', path: '/sign-in', isSignedOut: true },
  {
    name: 'sign-in-refused',
    path: '/sign-in',
    isSignedOut: true,
    async act(page) {
      await page.getByLabel('Admin token').fill('kfa_wrong');
      await pressFor('Sign in', ALERT)(page);
    },
  },
  { name: 'sign-in-link', path: '/sign-in?link=once', isSignedOut: true },
];

/** What somebody sees who may read alone. */
export const VIEWER_PAGES: readonly ShownPage[] = [
  at('viewer-secret', '/secrets/stripe_api_key'),
  at('viewer-secrets', '/secrets'),
  at('viewer-routes', '/routes'),
  at('viewer-alerts', '/alerts'),
  at('viewer-admins', '/admins'),
];

/** What is there before anything is. */
export const FRESH_PAGES: readonly ShownPage[] = [
  at('empty-overview', '/'),
  at('empty-secrets', '/secrets'),
  at('empty-cutovers', '/cutovers'),
  at('empty-rotations', '/rotations'),
  at('empty-routes', '/routes'),
  at('empty-clients', '/clients'),
  at('empty-alerts', '/alerts'),
  at('empty-channels', '/channels'),
  at('empty-audit', '/audit'),
  { name: 'sign-in-oidc', path: '/sign-in', isSignedOut: true },
];
