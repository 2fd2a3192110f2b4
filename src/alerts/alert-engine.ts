import { setTimeout as rest } from 'node:timers/promises';
import type {
  Alert,
  AlertCounts,
  AlertFinding,
  AlertKind,
  AlertStore,
  Clock,
  Cutover,
  EchoFinding,
  SecretAges,
  Store,
} from '../core/index.js';
import { AgeCounter } from './age-counter.js';
import { ClientRefusals } from './client-refusals.js';
import { GatheredEchoes } from './gather-echoes.js';
import { judgeHold, reportRollback } from './judge-cutover.js';
import { REFUSALS_WINDOW_MS } from './judge-refusals.js';
import { reportAlteredRow } from './report-altered-row.js';
import { settleSecret } from './settle-secret.js';
import { UpstreamRefusals } from './upstream-refusals.js';

const TICK_EVERY_MS = 1000;
/** Between pages others have their turn: a page whose alerts all are new takes some 10 ms of the store's time. */
const FACTS_PER_PAGE = 100;
const LEAST_SWEEP_MS = 60_000;
/** With very many secrets a sweep takes longer: it then takes one part of so many of the store's time. */
const REST_PER_SWEEP = 50;
/** Where somebody asks for ages a sweep may come sooner; nobody waits for it longer than this. */
const REST_PER_RECOUNT = 10;
const LEAST_RECOUNT_MS = 1000;
const COUNT_WITHIN_MS = 100;
const OPEN_AT_ONCE = 1000;
/** While the store cannot be written. */
const MOST_UNWRITTEN = 1000;

export interface AlertEngineOptions {
  readonly store: AlertStore & Pick<Store, 'runningCutovers' | 'alteredRows' | 'getClient'>;
  readonly clock: Clock;
  /** Called when the store fails, once until it is over: the engine goes on trying. */
  readonly onError: (error: unknown) => void;
}

export interface AlertEngine extends AlertCounts {
  echo(finding: EchoFinding): void;
  /** Judges what has happened; never twice at once. Runs once a second by itself. */
  tick(): Promise<void>;
  /** Judges every secret by time, page by page. Runs from time to time by itself. */
  sweep(): Promise<void>;
  /** Not older than some seconds. */
  openCounts(): ReadonlyMap<AlertKind, number>;
  /** Of the newest sweep; undefined before the first one is over. Begins another one where that is due. */
  ages(): Promise<SecretAges | undefined>;
  /** Writes what was counted. */
  close(): Promise<void>;
}

/** Opens alerts and closes them, off the request path: that only adds to counts. */
export function createAlertEngine(options: AlertEngineOptions): AlertEngine {
  const { store, clock } = options;
  const startedAtMs = clock.now();
  const echoes = new GatheredEchoes();
  const clients = new ClientRefusals();
  const upstreams = new UpstreamRefusals();
  /** Since when each cutover is held, as far as this process has seen. */
  let held = new Map<string, { readonly sinceMs: number; readonly isTold: boolean }>();
  /** What the store has not taken yet. */
  let unwritten: readonly AlertFinding[] = [];
  let saidRows: ReadonlySet<string> = new Set();
  let openCounts: ReadonlyMap<AlertKind, number> = new Map();
  let ages: SecretAges | undefined;
  let sweepTookMs = 0;
  let sweptAtMs = Number.NEGATIVE_INFINITY;
  let isFailing = false;
  let closed = false;
  let underWay: Promise<void> = Promise.resolve();
  let sweeping: Promise<void> | undefined;

  /** One after the other; what fails is told once. */
  function inTurn(work: () => Promise<void>): Promise<void> {
    underWay = underWay.then(work).then(
      () => {
        isFailing = false;
      },
      (error: unknown) => {
        if (!isFailing) options.onError(error);
        isFailing = true;
      },
    );
    return underWay;
  }

  async function judgeEvents(): Promise<void> {
    const nowMs = clock.now();
    unwritten = [...unwritten, ...echoes.take()];
    unwritten = [
      ...unwritten,
      ...(await upstreams.findings(store, nowMs)),
      ...(await clients.findings(store, nowMs)),
      ...judgeHolds(await store.runningCutovers(), nowMs),
      ...newAlteredRows(await store.alteredRows(), nowMs),
    ].slice(-MOST_UNWRITTEN);
    const rollbacks = (await store.unreportedRollbacks()).map(reportRollback);
    await store.raiseAlerts([...unwritten, ...rollbacks]);
    unwritten = [];
    openCounts = await store.openAlertCounts();
    await resolveHolds();
    await resolveRefusals(nowMs);
  }

  function judgeHolds(cutovers: readonly Cutover[], nowMs: number): AlertFinding[] {
    const before = held;
    held = new Map();
    return cutovers.flatMap((cutover) => {
      if (cutover.hold === null) return [];
      const { sinceMs, isTold } = before.get(cutover.id) ?? { sinceMs: nowMs, isTold: false };
      const finding = isTold ? undefined : judgeHold(cutover, sinceMs, nowMs);
      held.set(cutover.id, { sinceMs, isTold: isTold || finding !== undefined });
      return finding === undefined ? [] : [finding];
    });
  }

  async function resolveHolds(): Promise<void> {
    if ((openCounts.get('cutover_held') ?? 0) === 0) return;
    const open = await openOf('cutover_held');
    const ids = open.filter(({ subject }) => !held.has(subject)).map(({ id }) => id);
    await store.resolveAlerts({ ids, because: 'the cutover goes on, or has ended' });
  }

  /** After a start nothing is known of the time before it: a whole window must have passed. */
  async function resolveRefusals(nowMs: number): Promise<void> {
    if ((openCounts.get('credential_refused') ?? 0) === 0) return;
    const quietMs = nowMs - REFUSALS_WINDOW_MS;
    if (startedAtMs > quietMs) return;
    const open = await openOf('credential_refused');
    const ids = open.filter(({ lastSeenAtMs }) => lastSeenAtMs <= quietMs).map(({ id }) => id);
    await store.resolveAlerts({
      ids,
      because: 'it was not refused again and again for 10 minutes',
    });
  }

  async function openOf(kind: AlertKind): Promise<readonly Alert[]> {
    return (await store.listAlerts({ kind, open: true, limit: OPEN_AT_ONCE })).items;
  }

  function newAlteredRows(rows: readonly string[], nowMs: number): AlertFinding[] {
    const found = rows.filter((row) => !saidRows.has(row));
    saidRows = new Set(rows);
    return found.map((row) => reportAlteredRow(row, nowMs));
  }

  async function judgeSecrets(): Promise<void> {
    const beganMs = performance.now();
    const counter = new AgeCounter(clock.now());
    let cursor: string | undefined;
    do {
      const page = await store.secretFacts({ cursor, limit: FACTS_PER_PAGE });
      for (const facts of page.items) counter.add(facts);
      const settled = page.items.map((facts) => settleSecret(facts, clock.now()));
      await store.raiseAlerts(settled.flatMap(({ raise }) => raise));
      const ids = settled.flatMap(({ resolve }) => resolve);
      await store.resolveAlerts({ ids, because: 'its cause is over' });
      cursor = page.nextCursor ?? undefined;
      if (cursor !== undefined) await rest(1);
    } while (cursor !== undefined && !closed);
    if (cursor === undefined) ages = counter.counted;
    await store.tidyAlerts();
    sweptAtMs = performance.now();
    sweepTookMs = sweptAtMs - beganMs;
  }

  const tick = (): Promise<void> => inTurn(judgeEvents);
  const sweep = (): Promise<void> => {
    sweeping ??= judgeSecrets()
      .catch((error: unknown) => options.onError(error))
      .finally(() => {
        sweeping = undefined;
      });
    return sweeping;
  };

  let isTicking = false;
  const ticks = setInterval(() => {
    if (isTicking) return;
    isTicking = true;
    void tick().finally(() => {
      isTicking = false;
    });
  }, TICK_EVERY_MS);
  ticks.unref();
  let sweeps = setTimeout(onSweep, TICK_EVERY_MS);
  sweeps.unref();
  function onSweep(): void {
    void sweep().then(() => {
      if (closed) return;
      sweeps = setTimeout(onSweep, Math.max(LEAST_SWEEP_MS, sweepTookMs * REST_PER_SWEEP));
      sweeps.unref();
    });
  }

  return {
    echo: (finding) => echoes.add(finding, clock.now()),
    clientRefused: (refusal) => clients.add(refusal, clock.now()),
    usage: (deltas) => upstreams.add(deltas, clock.now()),
    tick,
    sweep,
    openCounts: () => openCounts,
    async ages() {
      const restMs = Math.max(LEAST_RECOUNT_MS, sweepTookMs * REST_PER_RECOUNT);
      if (!closed && performance.now() - sweptAtMs >= restMs) {
        await Promise.race([sweep(), rest(COUNT_WITHIN_MS, undefined, { ref: false })]);
      }
      return ages;
    },
    async close() {
      closed = true;
      clearInterval(ticks);
      clearTimeout(sweeps);
      await sweeping;
      await tick();
    },
  };
}
