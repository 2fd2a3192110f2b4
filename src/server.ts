/** Composition root: settings in → open the store → build the rooms → listen → `close()`. */
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { createRoutesControl, type Settings } from './config/index.js';
import type { Clock } from './core/index.js';
import { createProber } from './create-prober.js';
import { createCutoverRoutes } from './cutover-routes.js';
import { endRevokedUpgrades } from './end-revoked-upgrades.js';
import { revokeLeftoverExamples, startExample } from './example.js';
import { findReadiness } from './find-readiness.js';
import { followChanges } from './follow-changes.js';
import { followRoutesFile } from './follow-routes-file.js';
import { joinTelemetry } from './join-telemetry.js';
import { keepAudit } from './keep-audit.js';
import { keepHeartbeat } from './keep-heartbeat.js';
import { keepUsageHistory } from './keep-usage-history.js';
import { listenOn } from './listen-on.js';
import { openForServing } from './open-for-serving.js';
import { OpenParts } from './open-parts.js';
import { openTraces } from './open-traces.js';
import {
  createOutbound,
  createProxyListener,
  createUsageRecorder,
  type ProxyListener,
} from './proxy/index.js';
import { startLines, urlOf } from './quickstart.js';
import { countingUsage, raiseAlerts } from './raise-alerts.js';
import { readTls } from './read-tls.js';
import { reloadOnHangUp } from './reload-on-hang-up.js';
import { reportAlteredRows } from './report-altered-rows.js';
import { requireDeclared } from './require-declared.js';
import { runCutovers } from './run-cutovers.js';
import { runRotations } from './run-rotations.js';
import { sendNotifications } from './send-notifications.js';
import { serveAdmin } from './serve-admin.js';
import { createSnapshotKeeper, NO_ROUTE } from './snapshot/index.js';
import { StartAttempt } from './start-attempt.js';
import { createLog, createMetrics, type Metrics } from './telemetry/index.js';

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
const { version } = createRequire(import.meta.url)('keyferry/package.json') as { version: string };

/**
 * Starts Keyferry. Throws what loading throws: `root_key_wrong`, `data_folder_locked`, `permissions_loose`,
 * `migration_altered`, `address_in_use`, `config_invalid` (a TLS file), `routes_invalid` (a broken file and
 * no earlier revision to serve), …; what was opened until then is closed again. So it is when `stopping` is aborted
 * before it listens: it throws the signal's reason then, and does not wait for a long migration or a large store.
 */
export async function startServer(
  settings: Settings,
  io: ServerIo,
  stopping?: AbortSignal,
): Promise<RunningServer> {
  const open = new OpenParts();
  const attempt = new StartAttempt(stopping);
  try {
    return await start(settings, io, open, attempt);
  } catch (error) {
    await open.close();
    attempt.signal.throwIfAborted();
    throw error;
  }
}

async function start(
  settings: Settings,
  io: ServerIo,
  open: OpenParts,
  attempt: StartAttempt,
): Promise<RunningServer> {
  for (const warning of settings.warnings) io.warn(warning);
  const log = open.add(createLog(settings.logLevel));
  const { dataDir, environments, routesFile, shared: isShared } = settings;
  const opened = await openForServing(settings, clock, log, attempt.signal);
  const { store, tokens, firstAdmin } = opened;
  open.add(store);
  await requireDeclared(store, '--environment', environments ?? []);
  const inRoles = settings.oidc?.roles.flatMap((role) => role.environments ?? []) ?? [];
  await requireDeclared(store, '--oidc-roles', inRoles);
  await revokeLeftoverExamples(store);
  const example = settings.example
    ? open.add(await startExample({ store, tokens, clock, environments }))
    : undefined;

  const nothing = async (): Promise<void> => undefined;
  const state: {
    proxy?: ProxyListener;
    proxyUrl: string | null;
    publish: () => Promise<void>;
    draining: boolean;
  } = { proxyUrl: null, publish: nothing, draining: false };
  const routes = createRoutesControl({ store });
  const onApplied = (): Promise<void> => state.publish();
  const follower =
    routesFile === undefined
      ? undefined
      : open.add(await followRoutesFile({ file: routesFile, store, routes, log, onApplied }));
  const written = follower === undefined ? undefined : () => follower.written();
  const cutoverRoutes = createCutoverRoutes({ store, written });
  open.add(reloadOnHangUp(async () => follower?.reload()));

  const startedAtMs = clock.now();
  const closeBy = { ms: Number.POSITIVE_INFINITY };
  const traces = await openTraces(settings, version, log);
  open.atEnd(() => traces?.close(Math.min(FLUSH_TRACES_MS, closeBy.ms - performance.now())));
  const metrics: Metrics = createMetrics({
    inFlight: () => state.proxy?.inFlight ?? 0,
    snapshotSeq: () => keeper.current().seq,
    routesRevision: () => keeper.current().routesRevision ?? 0,
    ready: () => !state.draining,
    traffic: () => state.proxy?.traffic(),
    spans: traces?.counts.bind(traces),
    openAlerts: () => alerts.openCounts(),
  });
  const alerts = open.add(raiseAlerts(store, clock, log, attempt.signal));
  const telemetry = joinTelemetry({ log, metrics, traces, alerts });
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
  const changes = open.add(followChanges(catchUp, log, isShared));
  open.add(reportAlteredRows(store, log));
  const usage = createUsageRecorder({
    store: countingUsage(store, alerts),
    clock,
    onError: (error) => log.error('usage_not_written', error),
  });
  open.add(await keepHeartbeat({ store, usage, clock, log, isShared }));

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
  const outbound = createOutbound();
  const engines = { store, keeper, prober, outbound, clock, publish: catchUp, log };
  const cutovers = open.add(runCutovers({ ...engines, routes: cutoverRoutes }));
  const { commandFolder, publicAdminUrl: consoleUrl } = settings;
  const rotations = open.add(runRotations({ ...engines, commandFolder }));
  const notifier = open.add(
    sendNotifications({ store, outbound, clock, consoleUrl, log, metrics }),
  );

  const stopping = new AbortController();
  const admin = await serveAdmin({
    opened,
    settings,
    startedAtMs,
    clock,
    routes,
    cutoverRoutes,
    keeper,
    proxy,
    prober,
    outbound,
    rotations: rotations.control,
    notifier,
    alerts,
    metrics,
    log,
    async publish() {
      await catchUp();
      // What began just now need not wait for the next second.
      void cutovers.tick();
      // The change may have been what a refused routes file lacked.
      await follower?.retry();
    },
    readiness: () =>
      findReadiness({ store, follower, draining: state.draining, behind: changes.behind }),
    closing: stopping.signal,
    about: { version },
    proxyUrl: () => state.proxyUrl,
  });
  attempt.end();
  const adminAddress = await listenOn('--admin-listen', settings.adminListen, admin);
  open.atEnd(() => {
    stopping.abort();
    return admin.close();
  });
  const proxyAddress = await listenOn('--proxy-listen', settings.proxyListen, proxy);
  open.atEnd(() => {
    state.draining = true;
    closeBy.ms = performance.now() + settings.drainTimeoutMs;
    return proxy.close(settings.drainTimeoutMs);
  });
  const proxyUrl = urlOf(proxyAddress, settings.proxyTls !== undefined);
  state.proxyUrl = proxyUrl;
  // A change between the first snapshot and now (the file watcher may have seen one) is not lost.
  await keeper.catchUp();

  log.info('started', { version, proxyPort: proxyAddress.port, adminPort: adminAddress.port });
  const { signer } = opened;
  const { auditRetentionDays: retentionDays } = settings;
  open.add(keepAudit({ store, signer, clock, log, retentionDays }));
  open.add(keepUsageHistory(store, log));
  const lines = startLines({
    version,
    proxy: proxyUrl,
    admin: urlOf(adminAddress, settings.adminTls !== undefined),
    tokenFile: firstAdmin.tokenFile,
    tokenIsNew: firstAdmin.created,
    exampleToken: example?.token,
    dataDir,
  });
  for (const line of lines) io.say(line);
  return { proxyAddress, adminAddress, close: () => open.close() };
}
