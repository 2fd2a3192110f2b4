import { expect, test, vi } from 'vitest';
import { startCredentialUpstream } from '../support/credential-upstream.js';
import {
  clientsOf,
  OLD_KEY,
  prepareCutover,
  startCutover,
  untilCutover,
} from '../support/cutover-rig.js';
import { PATIENCE_MS } from '../support/patience.js';
import { startPlainUpstream } from '../support/plain-upstream.js';
import { startKeyferry, type TestKeyferry } from '../support/start-keyferry.js';
import { startLoad } from '../support/steady-load.js';

interface AlertAnswer {
  readonly kind: string;
  readonly secret: string | null;
  readonly route: string | null;
  readonly client: string | null;
  readonly count: number;
}

/** Open alerts about a route or a client, by kind. */
async function openAlerts(keyferry: TestKeyferry): Promise<readonly AlertAnswer[]> {
  const { items } = await keyferry.admin<{ items: AlertAnswer[] }>('GET', '/v1/alerts?open=true');
  return items;
}

async function send(url: string, token: string, times: number): Promise<void> {
  for (let sent = 0; sent < times; sent++) {
    const response = await fetch(url, { headers: { 'keyferry-token': token } });
    await response.text();
  }
}

test('an echo, an upstream that refuses and a revoked client each become one alert', async () => {
  const upstream = await startPlainUpstream((request, response) => {
    if (request.url?.startsWith('/refuses') === true) response.statusCode = 401;
    response.end(request.url === '/echoes' ? `you sent ${request.headers.authorization}` : 'no');
  });
  const keyferry = await startKeyferry();
  await keyferry.secret('pay_key', { production: 'sk_live_1234567890abcdef' });
  await keyferry.routes([
    {
      name: 'pay',
      match: { pathPrefix: '/' },
      headers: { Authorization: 'Bearer <<secret:pay_key>>' },
      environments: { production: { upstream, allowPrivateNetwork: true } },
    },
  ]);
  const token = await keyferry.client('production');
  const old = await keyferry.client('production');
  const clients = await keyferry.admin<{ items: { id: string; name: string }[] }>(
    'GET',
    '/v1/clients',
  );
  const { id, name } = clients.items.find((it) => it.name === 'client-2') ?? { id: '', name: '' };
  await keyferry.admin('DELETE', `/v1/clients/${id}`);

  await send(`${keyferry.proxyUrl}/echoes`, token, 3);
  await send(`${keyferry.proxyUrl}/refuses`, token, 9);
  await send(`${keyferry.proxyUrl}/any`, old, 10);
  await vi.waitFor(
    async () => {
      const alerts = await openAlerts(keyferry);
      expect(alerts.find(({ kind }) => kind === 'echo_hit')).toMatchObject({
        secret: 'pay_key',
        route: 'pay',
        count: 3,
      });
      expect(alerts.filter(({ kind }) => kind === 'credential_refused')).toMatchObject([
        { client: name, route: null, count: 10 },
      ]);
    },
    { timeout: PATIENCE_MS, interval: 200 },
  );
  await send(`${keyferry.proxyUrl}/refuses`, token, 40);
  await vi.waitFor(
    async () => {
      const alerts = await openAlerts(keyferry);
      expect(
        alerts.find(({ route, kind }) => route && kind === 'credential_refused'),
      ).toMatchObject({ secret: 'pay_key', route: 'pay', client: null, count: 49 });
    },
    { timeout: PATIENCE_MS, interval: 200 },
  );
  const metrics = await fetch(`${keyferry.adminUrl}/metrics`);
  const text = await metrics.text();
  expect(text).toContain('keyferry_open_alerts{kind="credential_refused"} 2');
  expect(text).toContain('keyferry_open_alerts{kind="echo_hit"} 1');
  expect((await fetch(`${keyferry.adminUrl}/readyz`)).status).toBe(200);
});

test('a cutover that is rolled back by itself becomes an alert, which its acknowledgement closes', async () => {
  const upstream = await startCredentialUpstream(OLD_KEY);
  const keyferry = await startKeyferry();
  await prepareCutover(keyferry, upstream.origin);
  const ask = clientsOf(keyferry, [
    await keyferry.client('production'),
    await keyferry.client('production'),
  ]);
  const load = startLoad(40, async (call) => void (await ask(call)));
  const { id } = await startCutover(keyferry);
  await untilCutover(keyferry, id, { state: 'ROLLED_BACK' });
  await load.stop();
  const path = '/v1/alerts?kind=cutover_rolled_back&open=true';
  const list = () => keyferry.admin<{ items: Record<string, string>[] }>('GET', path);
  await vi.waitFor(async () => expect((await list()).items).toMatchObject([{ cutover: id }]), {
    timeout: PATIENCE_MS,
    interval: 200,
  });
  const [alert] = (await list()).items;
  expect(alert?.summary).toContain('was refused');
  await keyferry.admin('POST', `/v1/alerts/${alert?.id}/acknowledge`, { note: 'a wrong key' });
  expect((await list()).items).toEqual([]);
});
