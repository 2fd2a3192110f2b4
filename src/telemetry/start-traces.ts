import type { Decision, SecretValue, Traces } from '../core/index.js';
import type { Log } from './log.js';

export interface TracesOptions {
  /** Of the OTLP/HTTP receiver; `/v1/traces` is added where it is not there. */
  readonly endpoint: string;
  readonly headers: SecretValue | undefined;
  /** PEM; undefined = Node's own authorities. */
  readonly ca: string | undefined;
  readonly serviceName: string;
  readonly serviceVersion: string;
  /** Share of the traces that begin here. One that is continued is exported if its parent was sampled. */
  readonly sampleRatio: number;
  /** Of the proxy listener. */
  readonly scheme: 'http' | 'https';
  readonly log: Pick<Log, 'warn'>;
}

/** Numbers since the start. */
export interface SpanCounts {
  readonly exported: number;
  /** Not taken by the receiver. */
  readonly failed: number;
  /** Never sent: the queue was full. */
  readonly dropped: number;
}

export interface RunningTraces extends Traces {
  /** Makes the spans of a request that is over. */
  decision(decision: Decision): void;
  counts(): SpanCounts;
  /** Sends what waits, for no longer than this. */
  close(timeoutMs: number): Promise<void>;
}

/**
 * Traces to an OTLP/HTTP receiver. OpenTelemetry's libraries are loaded by this call and nothing else. Throws
 * `config_invalid` for headers that are none.
 */
export async function startTraces(options: TracesOptions): Promise<RunningTraces> {
  const { OtlpTraces } = await import('./otlp-traces.js');
  return new OtlpTraces(options);
}
