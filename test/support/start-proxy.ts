import { rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { afterAll, onTestFinished, vi } from 'vitest';
import type {
  Decision,
  EchoFinding,
  Route,
  RouteEnvironment,
  Snapshot,
  TrafficLimits,
} from '../../src/core/index.js';
import { SecretValue, type Telemetry } from '../../src/core/index.js';
import { openKeyferryStore } from '../../src/open-store.js';
import {
  createProxyListener,
  createUsageRecorder,
  type ProxyListener,
  type ProxyListenerOptions,
  type UsageRecorder,
} from '../../src/proxy/index.js';
import {
  createSnapshotKeeper,
  NO_ROUTE,
  type SnapshotKeeper,
  type SnapshotOptions,
} from '../../src/snapshot/index.js';
import { createMetrics, type Metrics } from '../../src/telemetry/index.js';
import { FakeClock } from './fake-clock.js';
import { migratedDataDir, TEST_ACTOR } from './open-test-store.js';
import { PATIENCE_MS } from './patience.js';

export const REAL_KEY = 'real_live_4f9c2e7ab8d14c60';

export interface ProxyRigOptions
  extends Partial<Pick<ProxyListenerOptions, 'limits' | 'resolveAll' | 'strictExpiry' | 'tls'>>,
    Pick<SnapshotOptions, 'environments' | 'builtinRoutes'> {
  readonly listenOn?: string;
  /** What the request path sees in place of the newest snapshot. */
  readonly view?: (newest: Snapshot) => Snapshot;
}

export interface ProxyRig {
  readonly port: number;
  readonly clock: FakeClock;
  readonly store: Awaited<ReturnType<typeof openKeyferryStore>>['store'];
  readonly keeper: SnapshotKeeper;
  readonly proxy: ProxyListener;
  readonly usage: UsageRecorder;
  readonly metrics: Metrics;
  /** One per request, in the order in which they ended. */
  readonly decisions: Decision[];
  /** What searches of responses found. */
  readonly echoes: EchoFinding[];
  secret(name: string, values: Readonly<Record<string, string>>): Promise<void>;
  routes(routes: readonly Route[]): Promise<void>;
  client(environment: string, more?: ClientLimits): Promise<{ id: string; token: string }>;
  /** Waits until so many requests are over. */
  ended(count: number): Promise<void>;
}

export interface ClientLimits {
  readonly routes?: readonly string[];
  readonly cidrs?: readonly string[];
  readonly expiresAtMs?: number;
  readonly limits?: TrafficLimits;
}

/** The request path on a real store, with a clock and a resolver that a test can move. Gone after the test. */
export async function startProxy(options: ProxyRigOptions = {}): Promise<ProxyRig> {
  const rig = await openProxy(options);
  onTestFinished(() => rig.close());
  return rig;
}

/** The same outside of a test: whoever opens it closes it. */
export async function openProxy(
  options: ProxyRigOptions = {},
): Promise<ProxyRig & { close(): Promise<void> }> {
  const { environments, builtinRoutes, listenOn = '127.0.0.1', view, ...listenerOptions } = options;
  const clock = new FakeClock();
  const dataDir = migratedDataDir();
  const { store, tokens } = await openKeyferryStore({ dataDir, clock, createIfMissing: true });
  const decisions: Decision[] = [];
  const echoes: EchoFinding[] = [];
  const metrics = createMetrics({
    inFlight: () => proxy.inFlight,
    snapshotSeq: () => keeper.current().seq,
    routesRevision: () => keeper.current().routesRevision ?? 0,
    ready: () => true,
  });
  let started: ProxyListener | undefined;
  const telemetry: Telemetry = {
    statsFor: metrics.statsFor,
    decision(decision) {
      decisions.push(copyOf(decision));
      metrics.decision(decision);
    },
    echo(finding) {
      echoes.push(finding);
      metrics.echo(finding);
    },
  };
  const keeper = await createSnapshotKeeper({
    store,
    tokens,
    telemetry,
    environments,
    builtinRoutes,
    onRoutes: (snapshot) => started?.retainUpstreams(snapshot),
  });
  const usage = createUsageRecorder({ store, clock, onError: () => undefined });
  const proxy: ProxyListener = createProxyListener({
    ...listenerOptions,
    snapshot: () => view?.(keeper.current()) ?? keeper.current(),
    noRoute: NO_ROUTE,
    usage,
    telemetry,
    clock,
  });
  started = proxy;
  const address: AddressInfo = await proxy.listen({ host: listenOn, port: 0 });
  const actor = TEST_ACTOR;
  let clients = 0;

  return {
    port: address.port,
    clock,
    store,
    keeper,
    proxy,
    usage,
    metrics,
    decisions,
    echoes,
    async secret(name, values) {
      await store.createSecret({ actor, name });
      for (const [environment, text] of Object.entries(values)) {
        const value = SecretValue.fromText(text);
        await store.addVersion({ actor, secret: name, environment, value });
      }
      await keeper.catchUp();
    },
    async routes(routes) {
      const document = { routes };
      await store.applyRoutes({ actor, document, references: [], source: 'api' });
      await keeper.catchUp();
    },
    async client(environment, more = {}) {
      const { token, id, hash } = tokens.mint('client');
      const name = `client-${++clients}`;
      const facts = { actor, name, environment, tokenId: id, tokenHash: hash, ...more };
      const client = await store.createClient(facts);
      await keeper.catchUp();
      return { id: client.id, token };
    },
    async ended(count) {
      while (decisions.length < count) await new Promise((resolve) => setTimeout(resolve, 2));
    },
    async close() {
      await proxy.close(0);
      await usage.close();
      await store.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

export interface ProxyBefore extends ProxyRig {
  readonly token: string;
  readonly clientId: string;
}

/**
 * A rig with one route `api` at `/api` to this upstream, which places `Authorization: Bearer …`, and one client
 * of `production`.
 */
export async function startProxyBefore(
  origin: string,
  route: Partial<Route & RouteEnvironment> = {},
  options: ProxyRigOptions = {},
): Promise<ProxyBefore> {
  const rig = await startProxy(options);
  const client = await admitClient(rig);
  await rig.routes([apiRoute(origin, route)]);
  return { ...rig, ...client };
}

/** A rig that tests share, with what differs between them: the one route. */
type SharedProxy = (
  origin: string,
  route?: Partial<Route & RouteEnvironment>,
) => Promise<ProxyBefore>;

/**
 * `startProxyBefore` for tests of one file that look at nothing which adds up, such as metrics, and change neither clock
 * nor secrets: one rig for all of them, since opening a store takes longer than most of them do. Each begins when nothing
 * of the one before is under way, and with no decision. Called outside of tests.
 */
export function shareProxyBefore(): SharedProxy {
  let opened: Promise<ProxyBefore & { close(): Promise<void> }> | undefined;
  const open = async () => {
    const rig = await openProxy();
    return { ...rig, ...(await admitClient(rig)) };
  };
  afterAll(async () => (await opened)?.close());
  return async (origin, route) => {
    opened ??= open();
    const { close: _, ...rig } = await opened;
    await vi.waitUntil(() => rig.proxy.inFlight === 0, PATIENCE_MS);
    await rig.routes([apiRoute(origin, route ?? {})]);
    rig.decisions.length = 0;
    rig.echoes.length = 0;
    return rig;
  };
}

async function admitClient(rig: ProxyRig): Promise<{ token: string; clientId: string }> {
  await rig.secret('api_key', { production: REAL_KEY });
  const { token, id } = await rig.client('production');
  return { token, clientId: id };
}

/** The route of `startProxyBefore`. */
export function apiRoute(origin: string, route: Partial<Route & RouteEnvironment> = {}): Route {
  const { upstream = origin, ...rest } = route;
  return {
    name: 'api',
    match: { pathPrefix: '/api' },
    headers: { Authorization: 'Bearer <<secret:api_key>>' },
    allowPrivateNetwork: true,
    environments: { production: { upstream } },
    ...rest,
  };
}

function copyOf(decision: Decision): Decision {
  const { requestId, method, route, environment, client, status, code } = decision;
  const { upstream, secrets, durationMs, retried } = decision;
  return {
    ...(retried === true ? { retried } : {}),
    requestId,
    method,
    route,
    environment,
    client,
    status,
    code,
    upstream,
    secrets,
    durationMs,
  };
}
