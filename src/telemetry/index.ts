/**
 * telemetry: what the process says about itself: decision log, program log, metrics. By allow-list: only
 * names and numbers are ever written. The only home of pino and prom-client. Imports only core/.
 */
export { createLog, type Log, type LogLevel } from './log.js';
export { createMetrics, type Gauges, type Metrics } from './metrics.js';
