/** Composition root: settings in → open the store → build the rooms → listen → `close()`. */
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { type AdminListener, createAdminApp, createAdminListener } from './admin/index.js';
import { createRoutesControl, diffRoutes, type Settings } from './config/index.js';
import {
  AppError,
  type Clock,
  type Decision,
  type EchoFinding,
  nearestName,
  type Store,
  type Telemetry,
} from './core/index.js';
import { createProber } from './create-prober.js';
import { createRequestTrier } from './create-request-trier.js';
import { createCutoverRoutes, endingWithRoutes } from './cutover-routes.js';
import { endRevokedUpgrades } from './end-revoked-upgrades.js';
import { revokeLeftoverExamples, startExample } from './example.js';
import { findReadiness } from './find-readiness.js';
import { findSystemFacts } from './find-system-facts.js';
import { followChanges } from './follow-changes.js';
import { followRoutesFile } from './follow-routes-file.js';
import { keepAudit } from './keep-audit.js';
import { keepHeartbeat } from './keep-heartbeat.js';
import { keepUsageHistory } from './keep-usage-history.js';
import { isLoopback, listenOn } from './listen-on.js';
import { openForServing } from './open-for-serving.js';
import { openTraces } from './open-traces.js';
import {
  createOutbound,
  createProxyListener,
  createUsageRecorder,
  type ProxyListener,
} from './proxy/index.js';
import { startLines, urlOf } from './quickstart.js';
import { countingAlerts, countingUsage, raiseAlerts } from './raise-alerts.js';
import { readTls } from './read-tls.js';
import { reportAlteredRows } from './report-altered-rows.js';
import { runCutovers } from './run-cutovers.js';
import { runRotations } from './run-rotations.js';
import { sendNotifications } from './send-notifications.js';
import { serveConsole } from './serve-console.js';
import { createSnapshotKeeper, NO_ROUTE } from './snapshot/index.js';
import {
  createLog,
  createMetrics,
  type Log,
  type Metrics,
  type RunningTraces,
} from './telemetry/index.js';

export interface ServerIo {
  /** For a person. */
  readonly say: (line: string) => void;
  readonly warn: (line: string) => void;
}

export interface RunningServer {
  readonly proxyAddress: AddressInfo;
  readonly adminAddress: AddressInfo;
  /** Answers requests under way, then closes everything. */
  close(): Promise<void>;
}

/** A receiver that is down holds up a stop for no longer than this. */
const FLUSH_TRACES_MS = 3000;
const clock: Clock = { now: () => Date.now() };
const { version } = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
) as { version: string };

/**
 * Starts Keyferry. Throws what loading throws: `root_key_wrong`, `data_folder_locked`, `permissions_loose`,
 * `migration_altered`, `address_in_use`, `config_invalid` (a TLS file), `routes_invalid` (a broken file and
 * no earlier revision to serve), …; what was opened until then is closed again.
 */
export async function startServer(settings: Settings, io: ServerIo): Promise<RunningServer> {
  const closing: Closing[] = [];
  try {
    return await start(settings, io, closing);
  } catch (error) {
    await closeAll(closing);
    throw error;
  }
}

type Closing = () => Promise<void>;

/** In the opposite order of opening. */
async function closeAll(closing: Closing[]): Promise<void> {
  for (let close = closing.pop(); close !== undefined; close = closing.pop()) await close();
}

async function start(settings: Settings, io: ServerIo, closing: Closing[]): Promise<RunningServer> {
  for (const warning of settings.warnings) io.warn(warning);
  const log = createLog(settings.logLevel);
  closing.push(async () => log.close());
  const { dataDir, environments, example: withExample, shared: isShared } = settings;
  const opened = await openForServing(settings, clock, log);
  const { store, tokens, firstAdmin } = opened;
  closing.push(() => store.close());
  await requireDeclared(store, environments ?? []);
  await revokeLeftoverExamples(store);
  const example = withExample
    ? await startExample({ store, tokens, clock, environments })
    : undefined;
  if (example !== undefined) closing.push(() => example.close());

  const nothing = async (): Promise<void> => undefined;
  const state: {
    proxy?: ProxyListener;
    proxyUrl: string | null;
    publish: () => Promise<void>;
    retryRoutes: () => Promise<void>;
    reload: () => Promise<void>;
    draining: boolean;
  } = {
    proxyUrl: null,
    publish: nothing,
    retryRoutes: nothing,
    reload: nothing,
    draining: false,
  };
  const routes = createRoutesControl({ store });
  const { routesFile } = settings;
  const onApplied = (): Promise<void> => state.publish();
  const follower =
    routesFile === undefined
      ? undefined
      : await followRoutesFile({ file: routesFile, store, routes, log, onApplied });
  if (follower !== undefined) {
    state.retryRoutes = () => follower.retry();
    state.reload = () => follower.reload();
    closing.push(() => follower.close());
  }
  const written = follower === undefined ? undefined : () => follower.written();
  const cutoverRoutes = createCutoverRoutes({ store, written });
  // Also where there is no file to read again: a reload must not end the process, as Node would have it.
  const onHangUp = (): void => void state.reload();
  process.on('SIGHUP', onHangUp);
  closing.push(async () => {
    process.off('SIGHUP', onHangUp);
  });

  const traces = await openTraces(settings, version, log);
  const startedAtMs = clock.now();
  const closeBy = { ms: Number.POSITIVE_INFINITY };
  if (traces !== undefined) {
    closing.push(() => traces.close(Math.min(FLUSH_TRACES_MS, closeBy.ms - performance.now())));
  }
  const metrics: Metrics = createMetrics({
    inFlight: () => state.proxy?.inFlight ?? 0,
    snapshotSeq: () => keeper.current().seq,
    routesRevision: () => keeper.current().routesRevision ?? 0,
    ready: () => !state.draining,
    traffic: () => state.proxy?.traffic(),
    spans: traces?.counts.bind(traces),
    openAlerts: () => alerts.openCounts(),
  });
  const alerts = raiseAlerts(store, clock, log);
  closing.push(() => alerts.close());
  const telemetry = countingAlerts(telemetryOf(log, metrics, traces), alerts);
  const keeper = await createSnapshotKeeper({
    store,
    tokens,
    telemetry,
    environments,
    builtinRoutes: example === undefined ? [] : [example.route],
    onRoutes: (snapshot) => state.proxy?.retainUpstreams(snapshot),
  });
  const endRevoked = endRevokedUpgrades({
    snapshot: () => keeper.current(),
    store,
    proxy: () => state.proxy,
  });
  const catchUp = async (): Promise<void> => {
    await keeper.catchUp();
    await endRevoked();
  };
  state.publish = catchUp;
  const changes = followChanges(catchUp, log, isShared);
  closing.push(async () => changes.close());
  const alteredRows = reportAlteredRows(store, log);
  closing.push(async () => alteredRows.close());
  const usage = createUsageRecorder({
    store: countingUsage(store, alerts),
    clock,
    onError: (error) => log.error('usage_not_written', error),
  });
  const heartbeat = await keepHeartbeat({ store, usage, clock, log, isShared });
  closing.push(() => heartbeat.close());
  const proxy = createProxyListener({
    snapshot: () => keeper.current(),
    noRoute: NO_ROUTE,
    usage,
    telemetry,
    clock,
    limits: settings.limits,
    strictExpiry: settings.strictExpiry,
    tls: await readTls('--proxy-tls', settings.proxyTls),
  });
  state.proxy = proxy;
  const prober = createProber(keeper, proxy);
  const cutovers = runCutovers({
    store,
    keeper,
    prober,
    routes: cutoverRoutes,
    clock,
    publish: catchUp,
    log,
  });
  closing.push(() => cutovers.close());
  const outbound = createOutbound();
  const rotations = runRotations({
    store,
    keeper,
    prober,
    outbound,
    clock,
    commandFolder: settings.commandFolder,
    publish: catchUp,
    log,
  });
  closing.push(() => rotations.close());
  const consoleUrl = settings.publicAdminUrl;
  const notifier = sendNotifications({ store, outbound, clock, consoleUrl, log, metrics });
  closing.push(() => notifier.close());
  const stopping = new AbortController();
  const api = createAdminApp({
    store: endingWithRoutes(store, cutoverRoutes),
    tokens,
    signer: opened.signer,
    clock,
    routes,
    prober,
    requestTrier: createRequestTrier(keeper, proxy),
    snapshot: () => keeper.current(),
    notifier,
    rotations: rotations.control,
    diffRoutes: (from, to) => diffRoutes(from, to),
    routesFile,
    async publish() {
      await catchUp();
      // What began just now need not wait for the next second.
      void cutovers.tick();
      // The change may have been what a refused routes file lacked.
      await state.retryRoutes();
    },
    metrics: () => metrics.text(),
    readiness: () =>
      findReadiness({ store, follower, draining: state.draining, behind: changes.behind }),
    secretAges: () => alerts.ages(),
    system: () => findSystemFacts(settings, startedAtMs),
    backup: () => opened.backup(),
    closing: stopping.signal,
    about: { version },
    proxyUrl: () => state.proxyUrl,
    openPathsNeedToken: !isLoopback(settings.adminListen),
    logError: (error, where) => log.error('admin_request_failed', error, where),
  });
  const pages = await serveConsole(api, {
    store,
    tokens,
    clock,
    outbound,
    oidc: settings.oidc,
    secure: settings.adminTls !== undefined,
    logError: (error, where) => log.error('console_request_failed', error, where),
  });
  const admin: AdminListener = createAdminListener(
    pages,
    await readTls('--admin-tls', settings.adminTls),
  );
  const adminAddress = await listenOn('--admin-listen', settings.adminListen, admin);
  closing.push(() => {
    stopping.abort();
    return admin.close();
  });
  const proxyAddress = await listenOn('--proxy-listen', settings.proxyListen, proxy);
  closing.push(() => {
    state.draining = true;
    closeBy.ms = performance.now() + settings.drainTimeoutMs;
    return proxy.close(settings.drainTimeoutMs);
  });
  const proxyUrl = urlOf(proxyAddress, settings.proxyTls !== undefined);
  state.proxyUrl = proxyUrl;
  // A change between the first snapshot and now (the file watcher may have seen one) is not lost.
  await keeper.catchUp();

  const adminUrl = urlOf(adminAddress, settings.adminTls !== undefined);
  log.info('started', { version, proxyPort: proxyAddress.port, adminPort: adminAddress.port });
  const { auditRetentionDays: retentionDays } = settings;
  const auditKeeping = keepAudit({ store, signer: opened.signer, clock, log, retentionDays });
  closing.push(() => auditKeeping.close());
  const historyKeeping = keepUsageHistory(store, log);
  closing.push(() => historyKeeping.close());
  const lines = startLines({
    version,
    proxy: proxyUrl,
    admin: adminUrl,
    tokenFile: firstAdmin.tokenFile,
    tokenIsNew: firstAdmin.created,
    exampleToken: example?.token,
    cliFlags: cliFlags(dataDir, adminUrl),
  });
  for (const line of lines) io.say(line);
  return { proxyAddress, adminAddress, close: () => closeAll(closing) };
}

/** Throws `environment_unknown` with the nearest spelling: a misspelt name must not serve nothing. */
async function requireDeclared(store: Store, environments: readonly string[]): Promise<void> {
  const declared = (await store.listEnvironments()).map(({ name }) => name);
  const unknown = environments.find((name) => !declared.includes(name));
  if (unknown === undefined) return;
  const nearest = nearestName(unknown, declared);
  const question = nearest === undefined ? '' : ` Did you mean "${nearest}"?`;
  throw new AppError(
    'environment_unknown',
    `--environment: "${unknown}" is not declared; declared are ${declared.join(', ')}.${question}`,
  );
}

function telemetryOf(log: Log, metrics: Metrics, traces: RunningTraces | undefined): Telemetry {
  return {
    statsFor: metrics.statsFor,
    traces,
    decision(decision: Decision): void {
      log.decision(decision);
      metrics.decision(decision);
      traces?.decision(decision);
    },
    echo(finding: EchoFinding): void {
      log.echo(finding);
      metrics.echo(finding);
    },
  };
}

function cliFlags(dataDir: string, adminUrl: string): string {
  const folder = resolve(dataDir) === resolve('data') ? '' : ` --data-dir ${dataDir}`;
  return adminUrl === 'http://127.0.0.1:8081' ? folder : `${folder} --admin-url ${adminUrl}`;
}
