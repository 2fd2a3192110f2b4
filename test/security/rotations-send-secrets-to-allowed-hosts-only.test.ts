import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import {
  DEFAULT_ROTATION_SETTINGS,
  PROVIDERS_ENVIRONMENT,
  type ProviderId,
  SecretValue,
} from '../../src/core/index.js';
import { createOutbound } from '../../src/proxy/index.js';
import { createProviders, createRotationControl } from '../../src/rotation/index.js';
import { TEST_ACTOR as actor, openTestStore, type TestStore } from '../support/open-test-store.js';

let opened: TestStore;
let asked: string[];
let url: string;

beforeEach(async () => {
  opened = await openTestStore();
  asked = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => opened.cleanUp());

async function secret(name: string, environment: string, allowedHosts: string[], value: string) {
  await opened.store.createSecret({ actor, name, allowedHosts });
  const command = { actor, secret: name, environment, value: SecretValue.fromText(value) };
  await opened.store.addVersion(command);
}

async function check(provider: ProviderId, config: Record<string, unknown>) {
  const control = createRotationControl({
    store: opened.store,
    providers: createProviders({ commandFolder: undefined }),
    outbound: createOutbound(),
    clock: opened.clock,
    random: () => 0,
    wake: () => undefined,
    onError: () => undefined,
  });
  const isDatabase = provider === 'postgres' || provider === 'mysql';
  const { findings } = await control.check({
    secret: 'pay_key',
    environment: 'production',
    ...DEFAULT_ROTATION_SETTINGS,
    provider,
    intervalDays: 90,
    cron: null,
    config: isDatabase ? config : { ...config, allowPrivateNetwork: true },
  });
  return findings;
}

const SIGNING = `whsec_${Buffer.alloc(24, 1).toString('base64')}`;

test('the value in use goes to no webhook that its allowedHosts leave out', async () => {
  await secret('pay_key', 'production', ['api.example.com'], 'the-value');
  await secret('hook_secret', PROVIDERS_ENVIRONMENT, [], SIGNING);
  const config = { url: `${url}/hook`, secret: 'hook_secret' };
  const [refused] = await check('custom', { ...config, sendCurrentValue: true });
  expect(refused?.ok).toBe(false);
  expect(refused?.detail).toContain('"pay_key" may not be sent to 127.0.0.1');
  expect(asked).toEqual([]);
  // Where it is not sent, the webhook may be anywhere.
  expect((await check('custom', config)).every(({ ok }) => ok)).toBe(true);
  expect(asked).toEqual(['/hook']);
});

test('nor to another Stripe, nor to an endpoint for tokens', async () => {
  await secret('pay_key', 'production', ['api.stripe.com'], 'sk_live_1');
  await secret('client_secret', PROVIDERS_ENVIRONMENT, [], 'the-client-secret');
  const stripe = await check('stripe', { endpoint: url });
  expect(stripe.map(({ ok }) => ok)).toEqual([false]);
  const oauth2 = await check('oauth2', {
    mode: 'client_credentials',
    tokenEndpoint: `${url}/token`,
    introspectionEndpoint: `${url}/introspect`,
    clientId: 'app',
    clientSecret: 'client_secret',
  });
  expect(oauth2.map(({ detail }) => detail).join()).toContain('"pay_key" may not be sent to');
  expect(asked).toEqual([]);
});

test('a credential of a provider goes to no host that its own allowedHosts leave out', async () => {
  await secret('pay_key', 'production', [], 'the-value');
  await secret('hook_secret', PROVIDERS_ENVIRONMENT, ['hooks.example.com'], SIGNING);
  const [refused] = await check('custom', { url: `${url}/hook`, secret: 'hook_secret' });
  expect(refused?.detail).toContain('"hook_secret" may not be sent to 127.0.0.1');
  expect(asked).toEqual([]);
});

test.each([
  [['[::1]'], /could not be made or broke off/],
  [['[::2]'], /"admin_password" may not be sent to \[::1\]/],
  [['db.example.com'], /"admin_password" may not be sent to \[::1\]/],
])(
  'the password of a database’s admin goes by an address of IPv6 where %j allow it',
  async (allowedHosts, said) => {
    await secret('pay_key', 'production', [], '{"username":"app_a","password":"p"}');
    await secret('admin_password', PROVIDERS_ENVIRONMENT, allowedHosts, 'the-password');
    const findings = await check('mysql', {
      host: '::1',
      port: 9,
      tls: false,
      database: 'shop',
      admin: 'keyferry',
      adminPassword: 'admin_password',
      logins: ['app_a', 'app_b'],
    });
    expect(findings[0]?.detail).toMatch(said);
  },
);
