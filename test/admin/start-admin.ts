import type { AddressInfo, Server } from 'node:net';
import { serve } from '@hono/node-server';
import { type AdminDependencies, createAdminApp } from '../../src/admin/index.js';
import { createRoutesControl, diffRoutes } from '../../src/config/index.js';
import type { Role, RoutesDocument } from '../../src/core/index.js';
import { createRotationControl, type Provider } from '../../src/rotation/index.js';
import { openTestStore, TEST_ACTOR, type TestStore } from '../support/open-test-store.js';

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Parsed where it is JSON. Tests look into answers of every shape. */
  readonly body: ReturnType<typeof JSON.parse>;
}

export interface CallOptions {
  /** The root admin's unless said; null = none. */
  readonly token?: string | null;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

export interface TestAdmin {
  readonly opened: TestStore;
  /** What answers, for tests of what is registered. */
  readonly app: ReturnType<typeof createAdminApp>;
  readonly origin: string;
  readonly rootToken: string;
  /** How often the app waited for a new snapshot. */
  readonly published: () => number;
  readonly logged: unknown[];
  call(method: string, path: string, options?: CallOptions): Promise<Reply>;
  mint(options: {
    role: Role;
    environments?: string[];
    secretPrefix?: string;
    expiresAtMs?: number;
  }): Promise<string>;
  stop(): Promise<void>;
}

interface StartOptions {
  /** That can rotate secrets. */
  readonly providers?: readonly Provider[];
  /** Called when rotations may have something to do. */
  readonly wake?: () => void;
}

/** Serves the admin app on a free port, over a real store. */
export async function startAdmin(
  changed: Partial<Omit<AdminDependencies, 'store' | 'tokens' | 'clock'>> = {},
  { providers = [], wake = () => undefined }: StartOptions = {},
): Promise<TestAdmin> {
  const opened = await openTestStore();
  const { store, tokens, clock } = opened;
  const logged: unknown[] = [];
  let published = 0;
  const app = createAdminApp({
    store,
    tokens,
    signer: opened.signer,
    clock,
    routes: createRoutesControl({ store }),
    prober: { probe: () => Promise.reject(new Error('nothing is probed here')) },
    requestTrier: { prepare: () => Promise.reject(new Error('nothing is tried here')) },
    planOf: () => undefined,
    notifier: { sendNow: () => Promise.reject(new Error('nothing is sent here')) },
    rotations: createRotationControl({
      store,
      providers: new Map(providers.map((provider) => [provider.id, provider])),
      outbound: { send: () => Promise.reject(new Error('nothing is sent here')) },
      clock,
      random: () => 0,
      wake,
      onError: (error) => logged.push(error),
    }),
    diffRoutes,
    routesFile: undefined,
    publish: async () => {
      published += 1;
    },
    system: async () => ({
      startedAtMs: 0,
      nodeVersion: '20.19.0',
      databaseBytes: 4096,
      freeBytes: 1024,
      settings: [],
    }),
    metrics: async () => ({ contentType: 'text/plain; version=0.0.4', text: 'up 1\n' }),
    readiness: async () => ({ ready: true, reasons: [] }),
    secretAges: async () => undefined,
    backup: opened.backup,
    closing: new AbortController().signal,
    about: { version: '9.8.7' },
    proxyUrl: () => 'http://127.0.0.1:8080',
    openPathsNeedToken: false,
    logError: (error) => logged.push(error),
    ...changed,
  });
  const server = await new Promise<Server>((resolve) => {
    const listening = serve(
      { fetch: app.fetch, port: 0, hostname: '127.0.0.1', overrideGlobalObjects: false },
      () => resolve(listening as Server),
    );
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  let names = 0;

  const mint: TestAdmin['mint'] = async (options) => {
    const minted = tokens.mint('admin');
    names += 1;
    await store.createAdmin({
      actor: TEST_ACTOR,
      name: `${options.role}-${names}`,
      tokenId: minted.id,
      tokenHash: minted.hash,
      ...options,
    });
    return minted.token;
  };
  const rootToken = await mint({ role: 'admin' });

  return {
    opened,
    app,
    origin,
    rootToken,
    published: () => published,
    logged,
    mint,
    async call(method, path, { token = rootToken, body, headers = {} } = {}) {
      const response = await fetch(`${origin}${path}`, {
        method,
        redirect: 'manual',
        headers: {
          ...(token === null ? {} : { Authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined
          ? {}
          : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      const isJson = /json(?:;|$)/.test(response.headers.get('content-type') ?? '');
      const { status } = response;
      return { status, headers: response.headers, text, body: isJson ? JSON.parse(text) : text };
    },
    async stop() {
      await new Promise((resolve) => {
        server.close(resolve);
        (server as Server & { closeAllConnections?(): void }).closeAllConnections?.();
      });
      await opened.cleanUp();
    },
  };
}

/** A route that places one secret into a header. */
export function route(
  name: string,
  secret: string,
  environments: readonly string[] = ['production'],
): RoutesDocument['routes'][number] {
  return {
    name,
    match: { pathPrefix: `/${name}` },
    headers: { Authorization: `Bearer <<secret:${secret}>>` },
    environments: Object.fromEntries(
      environments.map((environment) => [environment, { upstream: 'https://api.example.com' }]),
    ),
  };
}

/** Creates a secret with a first value in each environment. */
export async function addSecret(
  admin: TestAdmin,
  name: string,
  environments: readonly string[] = ['production'],
): Promise<void> {
  await admin.call('POST', '/v1/secrets', { body: { name } });
  for (const environment of environments) {
    await admin.call('POST', `/v1/secrets/${name}/environments/${environment}/versions`, {
      body: { value: `value-of-${name}-in-${environment}` },
    });
  }
}
