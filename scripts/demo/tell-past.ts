import {
  type Actor,
  DEFAULT_CUTOVER_SETTINGS,
  type Route,
  SecretValue,
  type Store,
  type Tokens,
} from '../../dist/core/index.js';
import { openKeyferryStore } from '../../dist/open-store.js';
import { DEMO_SECRETS, type DemoSecret } from './demo-secrets.js';

const DAY_MS = 86_400_000;

const admin = (name: string): Actor => ({ type: 'admin', id: `demo-${name}`, name });
const MIRA = admin('mira');
const JONAS = admin('jonas');

const CLIENTS = [
  ['shop-web', 'production'],
  ['shop-jobs', 'production'],
  ['back-office', 'production'],
  ['shop-staging', 'staging'],
  ['laptop-jonas', 'development'],
] as const;

interface Told {
  readonly atMs: number;
  tell(): Promise<unknown>;
}

/** What the upstream of the demo accepts: see `startDemo`. */
export const ORDERS_KEYS = ['orders-demo-key-1', 'orders-demo-key-2', 'orders-demo-key-3'];

/**
 * Writes what a small company did in the last year and a half, in the order in which it happened: secrets, versions,
 * use, a cutover that went well and one that did not. Through the store's own commands, by a clock that is moved. Gives
 * the token of an admin.
 */
export async function tellPast(
  dataDir: string,
  nowMs: number,
  ordersOrigin: string,
): Promise<string> {
  const moved = { nowMs: nowMs - 560 * DAY_MS };
  const clock = { now: () => moved.nowMs };
  const { store, tokens } = await openKeyferryStore({ dataDir, clock, createIfMissing: true });
  const ago = (days: number): number => Math.round(nowMs - days * DAY_MS);
  moved.nowMs = ago(559);
  const token = await makePeople(store, tokens);
  const told: Told[] = [
    { atMs: ago(558), tell: () => makeClients(store, tokens) },
    ...DEMO_SECRETS.flatMap((secret) => storySecret(store, secret, ago)),
    ...[150, 62, 9, 3].map((days) => ({
      atMs: ago(days),
      tell: () => applyRoutes(store, ordersOrigin, days),
    })),
    ...storyCutovers(store, ago),
  ];
  for (const { atMs, tell } of told.toSorted((a, b) => a.atMs - b.atMs)) {
    moved.nowMs = Math.max(moved.nowMs + 1, atMs);
    await tell();
  }
  await tellUse(store, moved, nowMs);
  await store.close();
  return token;
}

async function makePeople(store: Store, tokens: Tokens): Promise<string> {
  const people = [
    { name: 'jonas', role: 'operator', environments: ['staging', 'development'] },
    { name: 'payments-bot', role: 'operator', secretPrefix: 'stripe_' },
    { name: 'auditor', role: 'viewer' },
  ] as const;
  for (const person of people) {
    const { id: tokenId, hash: tokenHash } = tokens.mint('admin');
    await store.createAdmin({ actor: MIRA, ...person, tokenId, tokenHash });
  }
  const { token, id: tokenId, hash: tokenHash } = tokens.mint('admin');
  await store.createAdmin({ actor: MIRA, name: 'mira', role: 'admin', tokenId, tokenHash });
  return token;
}

async function makeClients(store: Store, tokens: Tokens): Promise<void> {
  for (const [name, environment] of CLIENTS) {
    const { id: tokenId, hash: tokenHash } = tokens.mint('client');
    await store.createClient({ actor: MIRA, name, environment, tokenId, tokenHash });
  }
}

function storySecret(store: Store, secret: DemoSecret, ago: (days: number) => number): Told[] {
  const { name, kind, criticality = 'standard', owner, description, host, versions } = secret;
  const actor = owner === 'payments' ? MIRA : JONAS;
  const oldest = Math.max(...Object.values(versions).flat());
  const attributes = { kind, criticality, owner, description, labels: { team: owner } };
  const allowedHosts = host === undefined ? [] : [host];
  return [
    {
      atMs: ago(oldest) - 60_000,
      tell: () => store.createSecret({ actor, name, ...attributes, allowedHosts }),
    },
    ...Object.entries(versions).flatMap(([environment, ages]) =>
      ages.map((days, index) => ({
        atMs: ago(days),
        tell: async () => {
          const text = name.startsWith('orders_') ? ORDERS_KEYS[index] : undefined;
          const value = SecretValue.fromText(text ?? `demo-${name}-${environment}-${index + 1}`);
          const note = index === 0 ? undefined : NOTES[(name.length + index) % NOTES.length];
          await store.addVersion({ actor, secret: name, environment, value, note });
          if (index > 0) {
            await store.activateVersion({ actor, secret: name, environment, version: index + 1 });
          }
        },
      })),
    ),
  ];
}

const NOTES = ['rolled in the dashboard', 'quarterly rotation', 'after the laptop was lost'];

async function applyRoutes(store: Store, ordersOrigin: string, days: number): Promise<void> {
  const routes: Route[] = DEMO_SECRETS.flatMap(({ name, host, versions }) =>
    host === undefined
      ? []
      : [
          {
            name: nameOfRoute(name),
            match: { pathPrefix: `/${nameOfRoute(name)}` },
            headers: { Authorization: `Bearer <<secret:${name}>>` },
            environments: Object.fromEntries(
              Object.keys(versions).map((environment) => [
                environment,
                { upstream: `https://${host}` },
              ]),
            ),
          },
        ],
  );
  // Staging is served, and nobody has given its value yet.
  const wise = routes.find(({ name }) => name === 'wise');
  if (wise !== undefined && days < 5) {
    Object.assign(wise.environments, {
      staging: { upstream: 'https://api.sandbox.transferwise.tech' },
    });
  }
  const orders: Route = {
    name: 'orders',
    match: { pathPrefix: '/orders' },
    headers: { Authorization: 'Bearer <<secret:orders_service_key>>' },
    environments: { production: { upstream: ordersOrigin, allowPrivateNetwork: true } },
  };
  const document = { routes: days > 100 ? routes : [orders, ...routes] };
  const references = document.routes.flatMap(({ name, headers, environments }) =>
    Object.keys(environments).map((environment) => ({
      route: name,
      environment,
      secret: /<<secret:(\w+)>>/.exec(headers?.Authorization ?? '')?.[1] ?? '',
      version: undefined,
    })),
  );
  const actor = days === 9 ? JONAS : MIRA;
  await store.applyRoutes({ actor, document, references, source: 'api' });
}

function nameOfRoute(secret: string): string {
  return secret.split('_')[0] ?? secret;
}

/** One that ended well, and one that was taken back. */
function storyCutovers(store: Store, ago: (days: number) => number): Told[] {
  const settings = { ...DEFAULT_CUTOVER_SETTINGS, steps: [10, 50, 100] };
  const ids = { good: '', bad: '' };
  const place = { environment: 'production', toSecret: null, settings };
  const secret = 'zendesk_token';
  const bad = 'twilio_auth_token';
  return [
    {
      atMs: ago(4),
      tell: async () => {
        const value = SecretValue.fromText('demo-zendesk-production-3');
        await store.addVersion({ actor: JONAS, secret, environment: 'production', value });
        const toVersion = 3;
        ids.good = (await store.startCutover({ actor: JONAS, ...place, secret, toVersion })).id;
      },
    },
    {
      atMs: ago(3.98),
      tell: () =>
        store.completeCutover({
          actor: JONAS,
          id: ids.good,
          reason: 'Version 3 is verified: 1214 requests with it, none refused.',
        }),
    },
    {
      atMs: ago(1.2),
      tell: async () => {
        const value = SecretValue.fromText('demo-twilio-production-2');
        const note = 'copied from the portal by hand';
        const version = { actor: JONAS, secret: bad, environment: 'production', value, note };
        await store.addVersion(version);
        const started = await store.startCutover({ ...place, ...version, toVersion: 2 });
        ids.bad = started.id;
      },
    },
    {
      atMs: ago(1.19),
      tell: () =>
        store.rollbackCutover({
          actor: { type: 'system', id: 'keyferry', name: 'keyferry' },
          id: ids.bad,
          reason:
            'Version 2 was refused 9 times by 2 clients where version 1 was accepted for the same request. All requests take version 1 again.',
        }),
    },
  ];
}

/** How use is told: dense where the charts are, then less so. */
const PACES = [
  { fromDays: 150, toDays: 30, everyMs: 10 * DAY_MS },
  { fromDays: 30, toDays: 7, everyMs: DAY_MS / 8 },
  { fromDays: 7, toDays: 1, everyMs: DAY_MS / 24 },
  { fromDays: 1, toDays: 0, everyMs: DAY_MS / 288 },
];

/** More of it on working days, and in the daytime. */
async function tellUse(store: Store, moved: { nowMs: number }, nowMs: number): Promise<void> {
  const { items: clients } = await store.listClients({ limit: 100 });
  const ids = new Map<string, string>();
  for (const { name } of DEMO_SECRETS) {
    const secret = await store.getSecret(name);
    if (secret !== undefined) ids.set(name, secret.id);
  }
  for (const { fromDays, toDays, everyMs } of PACES) {
    for (let atMs = nowMs - fromDays * DAY_MS; atMs < nowMs - toDays * DAY_MS; atMs += everyMs) {
      moved.nowMs = Math.max(moved.nowMs, atMs);
      const tick: Tick = { atMs, days: (nowMs - atMs) / DAY_MS, share: everyMs / DAY_MS };
      const deltas = DEMO_SECRETS.flatMap((secret) =>
        usesOf(secret, ids.get(secret.name), clients, tick),
      );
      const requests = deltas.map(({ environment, outcome, count }) => ({
        environment,
        outcome,
        count,
        atMs,
      }));
      await store.recordUsage(deltas, [], requests);
    }
  }
}

interface Tick {
  readonly atMs: number;
  /** Before now. */
  readonly days: number;
  /** Of a day. */
  readonly share: number;
}

function usesOf(
  { name, host, versions, perDay = 0, unusedForDays = 0 }: DemoSecret,
  secretId: string | undefined,
  clients: readonly { readonly id: string; readonly environment: string }[],
  { atMs, days, share }: Tick,
) {
  if (secretId === undefined || host === undefined || days < unusedForDays) return [];
  const at = new Date(atMs);
  const isWeekend = [0, 6].includes(at.getUTCDay());
  const daytime = share > 0.5 ? 1 : 1 + 0.7 * Math.sin(((at.getUTCHours() - 8) / 24) * 2 * Math.PI);
  return Object.entries(versions).flatMap(([environment, ages]) => {
    const version = ages.filter((age) => age >= days).length;
    if (version === 0) return [];
    return clients
      .filter((client) => client.environment === environment)
      .flatMap(({ id: clientId }, index) => {
        const part = ((environment === 'production' ? 1 : 0.1) * share) / (index + 1);
        const wave = 1 + 0.2 * Math.sin(atMs / 4_100_000 + name.length + index);
        const exact = perDay * part * wave * daytime * (isWeekend ? 0.4 : 1);
        // What is less than one happens now and then.
        const count = Math.floor(exact + ((Math.floor(atMs / 60_000) * 7 + name.length) % 97) / 97);
        const isOff = Math.floor(atMs / 3_600_000) % 31 === 4 && index === 0;
        const refused = isOff ? Math.ceil(count * 0.06) : 0;
        const place = { secretId, environment, version, clientId };
        const use = { ...place, route: nameOfRoute(name), firstUsedAtMs: atMs, lastUsedAtMs: atMs };
        return [
          ...(count === 0 ? [] : [{ ...use, outcome: 'accepted' as const, count }]),
          ...(refused === 0 ? [] : [{ ...use, outcome: 'refused' as const, count: refused }]),
        ];
      });
  });
}
