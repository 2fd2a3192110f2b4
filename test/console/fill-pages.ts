import { expect, onTestFinished } from 'vitest';
import { startCredentialUpstream } from '../support/credential-upstream.js';
import { PATIENCE_MS } from '../support/patience.js';
import { startCustomStandIn } from '../support/stand-ins/custom.js';
import type { TestKeyferry } from '../support/start-keyferry.js';
import { send } from '../support/steady-load.js';

/** Pages that have something to show, whatever is in the store. */
export const EMPTY_PAGES = [
  '/',
  '/secrets',
  '/secrets/new',
  '/cutovers',
  '/rotations',
  '/rotations/new',
  '/routes',
  '/clients',
  '/alerts',
  '/alerts?all=on',
  '/channels',
  '/audit',
  '/admins',
  '/system',
] as const;

const PROVIDERS = ['aws', 'stripe', 'custom', 'oauth2', 'postgres', 'mysql', 'command'] as const;

export interface FilledPages {
  /** Every page there is, each with something on it. */
  readonly paths: readonly string[];
  /** Every value that was put in. */
  readonly values: readonly string[];
}

/** Puts something onto each page: `text` wherever a text may be, and values that are to be on none. */
export async function fillPages(keyferry: TestKeyferry, text: string): Promise<FilledPages> {
  const [first, second, staging] = ['in-page-v1-3b9d27', 'in-page-v2-80c1fe', 'in-page-st-5a6610'];
  const upstream = await startCredentialUpstream(first, second);
  const webhook = await startCustomStandIn();
  onTestFinished(() => webhook.close());
  const hookSecret = webhook.providerSecrets.hook_secret ?? '';
  const { admin } = keyferry;
  await admin('POST', '/v1/secrets', {
    name: 'shown_key',
    description: text,
    owner: text.slice(0, 200),
    labels: { team: text.slice(0, 200) },
    allowedHosts: ['127.0.0.1'],
  });
  const versions = '/v1/secrets/shown_key/environments/production/versions';
  await admin('POST', versions, { value: first, note: text });
  await admin('POST', versions, { value: second, note: text });
  await admin('POST', versions.replace('production', 'staging'), { value: staging });
  await keyferry.secret('hook_key', { production: webhook.initial ?? '' });
  await keyferry.secret('hook_secret', { _providers: hookSecret });
  await keyferry.secret('unused_key', {});
  await keyferry.routes([
    {
      name: 'shown',
      match: { pathPrefix: '/shown' },
      headers: { Authorization: 'Bearer <<secret:shown_key>>' },
      environments: { production: { upstream: upstream.origin, allowPrivateNetwork: true } },
    },
  ]);
  const client = await keyferry.client('production');
  const gone = await admin<{ id: string; token: string }>('POST', '/v1/clients', {
    name: 'gone',
    environment: 'production',
  });
  await admin('DELETE', `/v1/clients/${gone.id}`);
  const reader = await admin<{ token: string }>('POST', '/v1/admins', {
    name: 'reader',
    role: 'viewer',
    environments: ['production'],
  });
  await admin('POST', '/v1/notifications', {
    name: 'hook',
    settings: {
      kind: 'webhook',
      url: 'https://hook.invalid/keyferry',
      signingSecret: 'hook_secret',
      leastUrgency: 'urgent',
    },
  });
  const rotation = await admin<{ id: string }>('POST', '/v1/rotations', {
    secret: 'hook_key',
    environment: 'production',
    provider: 'custom',
    intervalDays: 30,
    config: webhook.config,
  });
  await admin('POST', `/v1/rotations/${rotation.id}/rotate`);
  const cutover = await admin<{ id: string }>(
    'POST',
    '/v1/secrets/shown_key/environments/production/cutovers',
    { toVersion: 2, steps: [50, 100], stepMinSamples: 1000 },
  );
  const ask = (token: string) =>
    send(`${keyferry.proxyUrl}/shown`, { headers: { 'keyferry-token': token } });
  for (let sent = 0; sent < 10; sent++) await ask(gone.token);
  const shows = (path: string, what: string, meanwhile = async (): Promise<unknown> => undefined) =>
    expect
      .poll(() => meanwhile().then(async () => JSON.stringify(await admin('GET', path))), {
        timeout: PATIENCE_MS,
      })
      .toContain(what);
  await shows('/v1/alerts', 'credential_refused');
  await shows(`/v1/cutovers/${cutover.id}`, '"side":"new"', () => ask(client));
  await shows(`/v1/rotations/${rotation.id}`, '"GRACE"');
  const { items } = await admin<{ items: { id: string }[] }>('GET', '/v1/alerts');
  await admin('POST', `/v1/alerts/${items[0]?.id}/acknowledge`, { note: text });
  return {
    paths: [
      ...EMPTY_PAGES,
      ...PROVIDERS.map((id) => `/rotations/new?provider=${id}&secret=hook_key`),
      '/secrets/shown_key',
      '/secrets/shown_key/edit',
      '/secrets/hook_secret',
      '/secrets/unused_key',
      `/cutovers/${cutover.id}`,
      `/cutovers/${cutover.id}/live`,
      `/rotations/${rotation.id}`,
      `/rotations/${rotation.id}/edit`,
      `/rotations/${rotation.id}/live`,
      '/routes/revisions',
      '/routes/revisions/1',
      '/routes/try?at=production%20shown',
      `/audit?actor=${encodeURIComponent(text)}`,
      `/alerts?kind=${encodeURIComponent(text)}`,
      `/rotations?status=${encodeURIComponent(text)}`,
      '/no-such-page',
      `/secrets/${encodeURIComponent(text)}`,
      `/cutovers/${encodeURIComponent(text)}`,
      `/rotations/${encodeURIComponent(text)}`,
      '/sign-in',
      `/sign-in?link=${encodeURIComponent(text)}`,
    ],
    values: [
      ...[first, second, staging, hookSecret, webhook.initial ?? ''],
      ...[client, gone.token, reader.token],
    ],
  };
}
