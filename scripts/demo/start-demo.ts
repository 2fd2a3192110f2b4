import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { callAdmin } from '../../test/support/call-admin.js';
import type { ProviderStandIn } from '../../test/support/provider-stand-in.js';
import { startCustomStandIn } from '../../test/support/stand-ins/custom.js';
import { startStripeStandIn } from '../../test/support/stand-ins/stripe.js';
import { start } from './start-fresh.js';
import { ORDERS_KEYS, tellPast } from './tell-past.js';

export interface Demo {
  readonly adminUrl: string;
  readonly token: string;
  /** Of somebody who may read alone. */
  readonly viewerToken: string;
  /** What pages are about, by what they show. */
  readonly ids: Readonly<
    Record<'cutover' | 'rolledBack' | 'done' | 'failed' | 'waits' | 'grace', string>
  >;
  close(): Promise<void>;
}

type Call = <T = Record<string, unknown>>(
  method: string,
  path: string,
  body?: unknown,
) => Promise<T>;

/**
 * A server in an empty data folder that looks like one that a small company has used for a year and a half: what lies
 * behind it is told, what is under way runs, with a provider and upstream on loopback and steady requests.
 */
export async function startDemo(dataDir: string): Promise<Demo> {
  const closing: (() => Promise<unknown>)[] = [];
  const upstream = await startOrders();
  closing.push(() => closeServer(upstream));
  const ordersOrigin = `http://127.0.0.1:${portOf(upstream)}`;
  const token = await tellPast(dataDir, Date.now(), ordersOrigin);
  const server = await start(dataDir);
  closing.push(() => server.close());
  const adminUrl = `http://127.0.0.1:${server.adminAddress.port}`;
  const call: Call = async <T>(method: string, path: string, body?: unknown) => {
    const answer = await callAdmin(adminUrl, token, method, path, body);
    if (answer.status < 400) return answer.body as T;
    throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  };

  const proxyUrl = `http://127.0.0.1:${server.proxyAddress.port}`;
  const requests = await sendRequests(call, proxyUrl);
  closing.push(async () => requests.stop());
  await openChannels(call);
  const rotations = await rotate(call, closing);
  const versions = '/v1/secrets/orders_service_key/environments/production';
  await call('POST', `${versions}/versions`, {
    value: ORDERS_KEYS[2],
    note: 'half-yearly rotation',
  });
  const { id: cutover } = await call<{ id: string }>('POST', `${versions}/cutovers`, {
    toVersion: 3,
    steps: [5, 25, 100],
    stepMinSamples: 400,
    stepMinSeconds: 60,
  });
  const viewer = { name: 'nina', role: 'viewer' };
  const { token: viewerToken } = await call<{ token: string }>('POST', '/v1/admins', viewer);
  const { items } = await call<{ items: { id: string; state: string }[] }>('GET', '/v1/cutovers');
  const rolledBack = items.find(({ state }) => state === 'ROLLED_BACK')?.id ?? '';
  return {
    adminUrl,
    token,
    viewerToken,
    ids: { cutover, rolledBack, ...rotations },
    async close() {
      for (const close of closing.toReversed()) await close();
    },
  };
}

async function startOrders(): Promise<Server> {
  const server = createServer((request, response) => {
    const key = request.headers.authorization?.replace('Bearer ', '') ?? '';
    request.resume();
    response.writeHead(ORDERS_KEYS.includes(key) ? 200 : 401).end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

async function closeServer(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

/** Some twenty a second by two apps; and one app whose token was revoked. */
async function sendRequests(call: Call, proxyUrl: string): Promise<{ stop(): void }> {
  const mint = (name: string) =>
    call<{ id: string; token: string }>('POST', '/v1/clients', {
      name,
      environment: 'production',
      routes: ['orders'],
    });
  const apps = [await mint('orders-web'), await mint('orders-worker')];
  const gone = await mint('warehouse-scanner');
  await call('DELETE', `/v1/clients/${gone.id}`);
  const send = async (token: string): Promise<void> => {
    const headers = { 'keyferry-token': token };
    await fetch(`${proxyUrl}/orders/open`, { headers }).then(
      (answer) => answer.arrayBuffer(),
      () => undefined,
    );
  };
  for (let refused = 0; refused < 12; refused++) await send(gone.token);
  let sent = 0;
  const timer = setInterval(() => void send(apps[sent++ % 2]?.token ?? ''), 50);
  return { stop: () => clearInterval(timer) };
}

async function openChannels(call: Call): Promise<void> {
  const value = 'https://hooks.slack.invalid/services/demo';
  await call('POST', '/v1/secrets', { name: 'slack_alerts_url', owner: 'platform' });
  const path = '/v1/secrets/slack_alerts_url/environments/_providers/versions';
  await call('POST', path, { value });
  const channels = [
    { name: 'program log', settings: { kind: 'log' } },
    {
      name: 'slack keys',
      settings: { kind: 'slack', urlSecret: 'slack_alerts_url', leastUrgency: 'warning' },
    },
  ];
  for (const channel of channels) await call('POST', '/v1/notifications', channel);
}

/** A run that is done, one that failed, one that waits for a person, one in its grace period. */
async function rotate(call: Call, closing: (() => Promise<unknown>)[]) {
  const begin = async (
    secret: string,
    standIn: ProviderStandIn,
    settings: Readonly<Record<string, unknown>>,
  ): Promise<string> => {
    closing.push(() => standIn.close());
    for (const [name, value] of Object.entries(standIn.providerSecrets)) {
      const own = `${secret}_${name}`;
      await call('POST', '/v1/secrets', { name: own, owner: 'platform' });
      await call('POST', `/v1/secrets/${own}/environments/_providers/versions`, { value });
    }
    const path = `/v1/secrets/${secret}`;
    await call('POST', '/v1/secrets', { name: secret, owner: 'platform', kind: 'api_key' });
    const value = standIn.initial;
    if (value !== undefined) {
      await call('POST', `${path}/environments/production/versions`, { value });
    }
    const config = JSON.parse(JSON.stringify(standIn.config), (_, one: unknown) =>
      typeof one === 'string' && one in standIn.providerSecrets ? `${secret}_${one}` : one,
    ) as unknown;
    const { id } = await call<{ id: string }>('POST', '/v1/rotations', {
      secret,
      environment: 'production',
      provider: standIn.provider,
      config,
      ...settings,
    });
    return id;
  };
  interface Run {
    readonly state: string;
    readonly problem: string | null;
  }
  const run = async (id: string, isThere: (run: Run) => boolean): Promise<string> => {
    await call('POST', `/v1/rotations/${id}/rotate`);
    for (let tries = 0; tries < 120; tries++) {
      const shown = await call<{ run: Run | null }>('GET', `/v1/rotations/${id}`);
      if (shown.run !== null && isThere(shown.run)) return id;
      await wait(500);
    }
    throw new Error(`the run of ${id} does not become what the demo shows`);
  };
  const soon = { gracePeriodMinutes: 0, soakMinutes: 0 };
  const done = await begin('billing_hook_key', await startCustomStandIn(), {
    ...soon,
    intervalDays: 30,
  });
  const refusing = await startCustomStandIn();
  const failed = await begin('search_index_key', refusing, { intervalDays: 14 });
  refusing.fail('wrong_credentials', 100);
  const waits = await begin('stripe_reports_key', await startStripeStandIn(), {
    intervalDays: 90,
  });
  const grace = await begin('shipping_api_key', await startCustomStandIn(), { intervalDays: 60 });
  const paused = await begin('feature_flags_key', await startCustomStandIn(), { intervalDays: 7 });
  await call('POST', `/v1/rotations/${paused}/pause`);
  return {
    done: await run(done, ({ state }) => state === 'DONE'),
    failed: await run(failed, ({ problem }) => problem !== null),
    waits: await run(waits, ({ state }) => state === 'AWAITING_VALUE'),
    grace: await run(grace, ({ state }) => state === 'GRACE'),
  };
}
