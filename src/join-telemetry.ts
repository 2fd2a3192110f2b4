import type { AlertEngine } from './alerts/index.js';
import type { Telemetry } from './core/index.js';
import type { Log, Metrics, RunningTraces } from './telemetry/index.js';

interface Parts {
  readonly log: Log;
  readonly metrics: Metrics;
  /** Undefined where traces are off. */
  readonly traces: RunningTraces | undefined;
  readonly alerts: AlertEngine;
}

/** Tells each of them what requests show. */
export function joinTelemetry({ log, metrics, traces, alerts }: Parts): Telemetry {
  return {
    statsFor: metrics.statsFor,
    traces,
    decision(decision) {
      log.decision(decision);
      metrics.decision(decision);
      traces?.decision(decision);
    },
    echo(finding) {
      log.echo(finding);
      metrics.echo(finding);
      alerts.echo(finding);
    },
    clientRefused: (refusal) => alerts.clientRefused(refusal),
  };
}
