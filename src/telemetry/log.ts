import { type DestinationStream, destination, pino } from 'pino';
import { AppError, type Decision, type Problem } from '../core/index.js';
import { decisionLine } from './decision-line.js';

export type LogLevel = 'error' | 'warn' | 'info' | 'debug' | 'silent';

/**
 * Decision lines are gathered to this length before a write: one system call, and one hop through the thread
 * pool, then serve many. They are gathered here because the stream would measure all that it holds at each line.
 */
const GATHER_CHARACTERS = 32 * 1024;
const FLUSH_EVERY_MS = 250;
/** Where nobody reads the output, lines past this are dropped: requests are never held up by their log. */
const MAX_BUFFERED_BYTES = 64 * 1024 * 1024;

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
  const stream = to ?? destination({ dest: 1, sync: false, maxLength: MAX_BUFFERED_BYTES });
  const time = cachedTime();
  const logger = pino({ level, base: null, timestamp: time, messageKey: 'event' }, stream);
  const writesDecisions = logger.isLevelEnabled('info');
  let lines = '';
  const flush = (): void => {
    if (lines === '') return;
    const gathered = lines;
    lines = '';
    stream.write(gathered);
  };
  const timer = setInterval(flush, FLUSH_EVERY_MS);
  timer.unref();
  return {
    decision(decision) {
      if (!writesDecisions) return;
      lines += decisionLine(decision, time());
      if (lines.length >= GATHER_CHARACTERS) flush();
    },
    info: (event, facts = {}) => logger.info(facts, event),
    warn: (event, facts = {}) => logger.warn(facts, event),
    error: (event, error, facts = {}) => logger.error({ ...facts, ...describe(error) }, event),
    flush,
    close() {
      clearInterval(timer);
      flush();
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
