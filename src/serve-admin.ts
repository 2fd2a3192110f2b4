/** The admin listener: the API with everything that it tells and changes, and the console in front of it. */
import {
  type AdminDependencies,
  type AdminListener,
  createAdminApp,
  createAdminListener,
} from './admin/index.js';
import type { AlertEngine } from './alerts/index.js';
import { diffRoutes, parseRoutesText, type Settings } from './config/index.js';
import type { CutoverRoutes, Outbound } from './core/index.js';
import { createRequestTrier } from './create-request-trier.js';
import { endingWithRoutes } from './cutover-routes.js';
import { findSystemFacts } from './find-system-facts.js';
import { isLoopback } from './listen-on.js';
import type { OpenedStore } from './open-store.js';
import type { ProxyListener } from './proxy/index.js';
import { readTls } from './read-tls.js';
import { serveConsole } from './serve-console.js';
import type { SnapshotKeeper } from './snapshot/index.js';
import type { Log, Metrics } from './telemetry/index.js';

export interface ServeAdminOptions
  extends Pick<
    AdminDependencies,
    | 'clock'
    | 'routes'
    | 'prober'
    | 'notifier'
    | 'rotations'
    | 'publish'
    | 'readiness'
    | 'closing'
    | 'about'
    | 'proxyUrl'
  > {
  readonly opened: Pick<OpenedStore, 'store' | 'tokens' | 'signer' | 'backup'>;
  readonly settings: Settings;
  readonly startedAtMs: number;
  readonly cutoverRoutes: CutoverRoutes;
  readonly keeper: SnapshotKeeper;
  readonly proxy: ProxyListener;
  readonly outbound: Outbound;
  readonly alerts: AlertEngine;
  readonly metrics: Metrics;
  readonly log: Log;
}

/** Does not listen yet. Throws `config_invalid` for the files of `--admin-tls` and `--oidc-ca`. */
export async function serveAdmin(options: ServeAdminOptions): Promise<AdminListener> {
  const { opened, settings, startedAtMs, cutoverRoutes, ...others } = options;
  const { keeper, proxy, outbound, alerts, metrics, log, ...passedOn } = others;
  const { store, tokens, signer } = opened;
  const api = createAdminApp({
    ...passedOn,
    store: endingWithRoutes(store, cutoverRoutes),
    tokens,
    signer,
    backup: () => opened.backup(),
    requestTrier: createRequestTrier(keeper, proxy),
    planOf: (route, environment) => keeper.planOf(route, environment),
    diffRoutes: (from, to) => diffRoutes(from, to),
    routesFile: settings.routesFile,
    metrics: () => metrics.text(),
    secretAges: () => alerts.ages(),
    system: () => findSystemFacts(settings, startedAtMs),
    openPathsNeedToken: !isLoopback(settings.adminListen),
    logError: (error, where) => log.error('admin_request_failed', error, where),
  });
  const answer = await serveConsole(api, {
    store,
    tokens,
    clock: options.clock,
    outbound,
    oidc: settings.oidc,
    readRoutes: (text) => parseRoutesText(text, 'the document'),
    secure: settings.adminTls !== undefined,
    logError: (error, where) => log.error('console_request_failed', error, where),
  });
  return createAdminListener(answer, await readTls('--admin-tls', settings.adminTls));
}
