import { expect, onTestFinished, test } from 'vitest';
import type { RotationDetail } from '../../src/core/index.js';
import { visitConsole } from '../support/console-visit.js';
import { PATIENCE_MS } from '../support/patience.js';
import { startCustomStandIn } from '../support/stand-ins/custom.js';
import { startStripeStandIn } from '../support/stand-ins/stripe.js';
import { startKeyferry } from '../support/start-keyferry.js';

test('a rotation is checked and enabled by its form, and what waits for a value is not taken away while it is typed', async () => {
  const [custom, stripe] = [await startCustomStandIn(), await startStripeStandIn()];
  onTestFinished(() => custom.close());
  onTestFinished(() => stripe.close());
  const { admin, secret, adminUrl } = await startKeyferry();
  const { token } = await admin<{ token: string }>('POST', '/v1/admins', {
    name: 'who looks',
    role: 'operator',
  });
  const visit = await visitConsole(adminUrl, { token });
  const { hook_secret: hookSecret = '' } = custom.providerSecrets;
  await secret('hook_secret', { _providers: hookSecret });
  await secret('shop_key', { production: custom.initial ?? '' });
  const form = {
    provider: 'custom',
    secret: 'shop_key',
    environment: 'production',
    'config.url': String(custom.config.url),
    'config.secret': 'hook_secret',
    'config.allowPrivateNetwork': 'true',
    'config.proposeValue': 'false',
    'config.fields': 'one\r\ntwo\r\n',
    cron: '0 3 1 * *',
    windowFrom: '02:00',
    windowUntil: '04:30',
    jitterMinutes: '5',
    endpoint: '/shop/ping',
  };
  const checked = await (await visit.post('/rotations/new', { ...form, check: 'yes' })).text();
  expect(checked).toContain('send a signed request: Answered 200.');
  expect(checked).toContain('value="04:30"');
  expect(await admin('GET', '/v1/rotations')).toMatchObject({ items: [] });

  const made = await visit.post('/rotations/new', form);
  expect(made.status).toBe(303);
  const path = made.headers.get('location') ?? '';
  expect(await admin<RotationDetail>('GET', `/v1${path}`)).toMatchObject({
    intervalDays: null,
    cron: '0 3 1 * *',
    jitterMinutes: 5,
    window: { from: '02:00', until: '04:30' },
    propagationCheck: { endpoint: '/shop/ping', expectedStatus: 200 },
    config: { proposeValue: false, allowPrivateNetwork: true, fields: ['one', 'two'] },
  });

  await secret('stripe_key', { production: stripe.initial ?? '' });
  const { id } = await admin<{ id: string }>('POST', '/v1/rotations', {
    secret: 'stripe_key',
    environment: 'production',
    provider: 'stripe',
    config: stripe.config,
  });
  await visit.post(`/rotations/${id}/rotate`);
  const live = async (): Promise<string> => (await visit.get(`/rotations/${id}/live`)).text;
  await expect.poll(live, { timeout: PATIENCE_MS }).toContain('The new value');
  expect(await live()).not.toContain('hx-get');
  expect(await live()).toContain('Give up');
  const urgent = { emergency: 'yes', reason: 'in a log' };
  expect((await visit.post(`/rotations/${id}/rotate`, urgent)).status).toBe(303);
  expect(await live()).toContain('No new version yet; emergency, begun by who looks');
});
