import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import {
  ALERT_KINDS,
  type AlertKind,
  type Decision,
  type EchoFinding,
  type ErrorCode,
  errorTable,
  type RequestStats,
  type TrafficFigures,
} from '../core/index.js';
import { countEchoes } from './count-echoes.js';
import type { SpanCounts } from './start-traces.js';
import { registerTraffic } from './traffic-metrics.js';

/** Upper bounds in seconds: from a cached answer on the same machine to a long model response. */
const DURATION_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** Read when metrics are scraped. */
export interface Gauges {
  inFlight(): number;
  snapshotSeq(): number;
  routesRevision(): number;
  ready(): boolean;
  /** Undefined before the proxy is there. */
  traffic?(): TrafficFigures | undefined;
  /** Open alerts by kind. */
  openAlerts?(): ReadonlyMap<AlertKind, number>;
  /** Undefined while traces are off. */
  readonly spans?: (() => SpanCounts) | undefined;
}

export interface Metrics {
  statsFor(route: string, environment: string): RequestStats;
  /** Counts what no route took: the rest is counted by its route's stats. */
  decision(decision: Decision): void;
  echo(finding: EchoFinding): void;
  /** An attempt to tell somebody. */
  notification(outcome: 'sent' | 'retried' | 'given_up'): void;
  text(): Promise<{ readonly contentType: string; readonly text: string }>;
}

/** Prometheus metrics. The request path adds to plain numbers; they are put into form when scraped. */
export function createMetrics(gauges: Gauges): Metrics {
  const registry = new Registry();
  const ofProcess = processMetrics();
  const stats = new Map<string, Stats>();
  const unrouted = new Map<ErrorCode, number>();

  new Counter({
    name: 'keyferry_requests_total',
    help: 'Requests, by route, environment, status and Keyferry error code (empty: answered by the upstream).',
    labelNames: ['route', 'environment', 'status', 'code'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { route, environment, byOutcome } of stats.values()) {
        for (const { status, code, count } of byOutcome.values()) {
          this.inc({ route, environment, status, code: code ?? '' }, count);
        }
      }
      for (const [code, count] of unrouted) {
        const { status } = errorTable[code];
        this.inc({ route: '', environment: '', status, code }, count);
      }
    },
  });
  const { spans } = gauges;
  if (spans !== undefined) {
    new Counter({
      name: 'keyferry_spans_total',
      help: 'Spans of traces: exported, failed (the receiver did not take them), dropped (the queue was full).',
      labelNames: ['outcome'],
      registers: [registry],
      collect() {
        this.reset();
        for (const [outcome, count] of Object.entries(spans())) this.inc({ outcome }, count);
      },
    });
  }
  registry.registerMetric(durationHistogram(stats) as unknown as Gauge);
  const echo = countEchoes(registry);
  const gauge = (name: string, help: string, read: () => number): void => {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  };
  gauge('keyferry_requests_in_flight', 'Requests under way.', gauges.inFlight);
  gauge('keyferry_snapshot_seq', 'Newest change that requests see.', gauges.snapshotSeq);
  gauge(
    'keyferry_routes_revision',
    'Applied routes revision; 0 before the first.',
    gauges.routesRevision,
  );
  new Gauge({
    name: 'keyferry_open_alerts',
    help: 'Open alerts, by kind.',
    labelNames: ['kind'],
    registers: [registry],
    collect() {
      const counts = gauges.openAlerts?.();
      for (const kind of ALERT_KINDS) this.set({ kind }, counts?.get(kind) ?? 0);
    },
  });
  const notifications = new Counter({
    name: 'keyferry_notifications_total',
    help: 'Attempts to notify a channel: sent, retried (it failed, and is tried again), given_up.',
    labelNames: ['outcome'],
    registers: [registry],
  });
  for (const outcome of ['sent', 'retried', 'given_up']) notifications.inc({ outcome }, 0);
  registerTraffic(registry, () => gauges.traffic?.());
  gauge('keyferry_ready', '1 when ready to serve.', () => Number(gauges.ready()));

  return {
    statsFor(route, environment) {
      const key = `${environment} ${route}`;
      let known = stats.get(key);
      if (known === undefined) {
        known = new Stats(route, environment);
        stats.set(key, known);
      }
      return known;
    },
    decision({ route, environment, code }) {
      const planned = code !== 'route_forbidden' && code !== 'route_not_found';
      if (route !== undefined && environment !== undefined && planned) return;
      if (code !== undefined) unrouted.set(code, (unrouted.get(code) ?? 0) + 1);
    },
    echo,
    notification: (outcome) => notifications.inc({ outcome }),
    async text() {
      const texts = await Promise.all([ofProcess.metrics(), registry.metrics()]);
      return { contentType: registry.contentType, text: texts.join('') };
    },
  };
}

let processRegistry: Registry | undefined;

/** Of the process, however many servers it starts: what observes it cannot be stopped, and is started once. */
function processMetrics(): Registry {
  if (processRegistry === undefined) {
    processRegistry = new Registry();
    collectDefaultMetrics({ register: processRegistry, prefix: 'keyferry_' });
  }
  return processRegistry;
}

interface OutcomeCount {
  readonly status: number;
  readonly code: ErrorCode | undefined;
  count: number;
}

class Stats implements RequestStats {
  readonly route: string;
  readonly environment: string;
  /** By status where the upstream answered, by code where Keyferry did. */
  readonly byOutcome = new Map<number | ErrorCode, OutcomeCount>();
  readonly buckets = new Array<number>(DURATION_BUCKETS.length + 1).fill(0);
  sumSeconds = 0;

  constructor(route: string, environment: string) {
    this.route = route;
    this.environment = environment;
  }

  record(status: number, code: ErrorCode | undefined, durationMs: number): void {
    const key = code ?? status;
    const known = this.byOutcome.get(key);
    if (known === undefined) this.byOutcome.set(key, { status, code, count: 1 });
    else known.count++;
    const seconds = durationMs / 1000;
    this.sumSeconds += seconds;
    let bucket = 0;
    while (bucket < DURATION_BUCKETS.length && seconds > (DURATION_BUCKETS[bucket] as number))
      bucket++;
    this.buckets[bucket] = (this.buckets[bucket] as number) + 1;
  }
}

/** A metric object as prom-client's registry reads one: the counts are kept by `Stats`. */
function durationHistogram(stats: ReadonlyMap<string, Stats>): object {
  const name = 'keyferry_request_duration_seconds';
  return {
    name,
    get() {
      const values: {
        metricName: string;
        labels: Record<string, string | number>;
        value: number;
      }[] = [];
      for (const { route, environment, buckets, sumSeconds } of stats.values()) {
        let total = 0;
        buckets.forEach((count, index) => {
          total += count;
          const le = DURATION_BUCKETS[index] ?? '+Inf';
          values.push({
            metricName: `${name}_bucket`,
            labels: { le, route, environment },
            value: total,
          });
        });
        const labels = { route, environment };
        values.push({ metricName: `${name}_sum`, labels, value: sumSeconds });
        values.push({ metricName: `${name}_count`, labels, value: total });
      }
      return {
        name,
        help: 'Time from the request head to the end of the response.',
        type: 'histogram',
        values,
        aggregator: 'sum',
      };
    },
    reset() {
      // Counts only grow for the life of the process.
    },
  };
}
