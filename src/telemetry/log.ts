import { type DestinationStream, destination, pino } from 'pino';
import { AppError, type Decision, type Problem } from '../core/index.js';

export type LogLevel = 'error' | 'warn' | 'info' | 'debug' | 'silent';

/** Bytes gathered before a write: one system call then serves many lines. */
const BUFFER_BYTES = 16 * 1024;
const FLUSH_EVERY_MS = 250;

export interface Log {
  /** One line per request, at level `info`. */
  decision(decision: Decision): void;
  info(event: string, facts?: Facts): void;
  warn(event: string, facts?: Facts): void;
  /** A foreign error is named by its class and code: its text may hold anything. */
  error(event: string, error: unknown, facts?: Facts): void;
  /** Writes what has gathered. */
  flush(): void;
  close(): void;
}

/** What a line may hold besides its event: names and numbers. */
export interface Facts {
  readonly [name: string]: string | number | boolean | undefined | readonly Problem[];
}

/** JSON lines on standard output, or on `to`. */
export function createLog(level: LogLevel, to?: DestinationStream): Log {
  const stream = to ?? destination({ dest: 1, sync: false, minLength: BUFFER_BYTES });
  const logger = pino(
    { level, base: null, timestamp: cachedTime(), messageKey: 'event' },
    stream,
  );
  const writesDecisions = logger.isLevelEnabled('info');
  const flush = (): void => {
    if ('flush' in stream && typeof stream.flush === 'function') stream.flush();
  };
  const timer = setInterval(flush, FLUSH_EVERY_MS);
  timer.unref();
  return {
    decision(decision) {
      if (!writesDecisions) return;
      logger.info(
        {
          requestId: decision.requestId,
          method: decision.method,
          route: decision.route,
          environment: decision.environment,
          client: decision.client,
          status: decision.status,
          code: decision.code,
          upstream: decision.upstream,
          secrets: decision.secrets,
          durationMs: Math.round(decision.durationMs * 100) / 100,
        },
        'request',
      );
    },
    info: (event, facts = {}) => logger.info(facts, event),
    warn: (event, facts = {}) => logger.warn(facts, event),
    error: (event, error, facts = {}) => logger.error({ ...facts, ...describe(error) }, event),
    flush,
    close() {
      clearInterval(timer);
      if ('flushSync' in stream && typeof stream.flushSync === 'function') stream.flushSync();
    },
  };
}

function describe(error: unknown): Facts {
  if (error instanceof AppError) {
    const { code, message, problems, cause } = error;
    const facts = { code, detail: message, cause: causeOf(cause) };
    return problems.length === 0 ? facts : { ...facts, problems };
  }
  return { code: 'internal_error', cause: causeOf(error) };
}

function causeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const code = Reflect.get(error, 'code');
  return typeof code === 'string' ? `${error.name} ${code}` : error.name;
}

/** RFC 3339 UTC, formatted once per millisecond. */
function cachedTime(): () => string {
  let atMs = 0;
  let text = '';
  return () => {
    const now = Date.now();
    if (now !== atMs) {
      atMs = now;
      text = `,"time":"${new Date(now).toISOString()}"`;
    }
    return text;
  };
}
