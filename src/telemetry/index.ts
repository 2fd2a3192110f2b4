/**
 * telemetry: what the process says about itself: decision log, program log, metrics, traces. By allow-list:
 * only names and numbers are ever written. The only home of pino, prom-client and OpenTelemetry. Imports only
 * core/.
 */
export { createLog, type Log, type LogLevel } from './log.js';
export { createMetrics, type Gauges, type Metrics } from './metrics.js';
export { type RunningTraces, type SpanCounts, startTraces } from './start-traces.js';
