import { pino } from 'pino';
import { AppError, type Decision, type EchoFinding, type Problem } from '../core/index.js';
import { decisionHead, decisionTail } from './decision-line.js';
import { LineGatherer, type LineSink } from './gather-lines.js';
import { OutputWriter } from './write-output.js';

export type LogLevel = 'error' | 'warn' | 'info' | 'debug' | 'silent';

const FLUSH_EVERY_MS = 250;
const STANDARD_OUTPUT = 1;

export interface Log {
  /** One line per request, at level `info`. */
  decision(decision: Decision): void;
  /** One line at level `warn`: `echo_hit`, `echo_unreadable` or `echo_too_short`. */
  echo(finding: EchoFinding): void;
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

/** JSON lines on standard output, or to `sink`. */
export function createLog(level: LogLevel, sink?: LineSink): Log {
  const output = new OutputWriter(STANDARD_OUTPUT);
  const lines = new LineGatherer(sink ?? output);
  const time = cachedTime();
  const logger = pino({ level, base: null, timestamp: time, messageKey: 'event' }, lines);
  const writesDecisions = logger.isLevelEnabled('info');
  const flush = (): void => lines.flush();
  const timer = setInterval(flush, FLUSH_EVERY_MS);
  timer.unref();
  return {
    decision(decision) {
      if (writesDecisions) {
        lines.writeParts(decisionHead(decision, time()), decisionTail(decision));
      }
    },
    echo: ({ kind, secrets, ...facts }) =>
      logger.warn({ ...facts, secrets: [...secrets] }, `echo_${kind}`),
    info: (event, facts = {}) => logger.info(facts, event),
    warn: (event, facts = {}) => logger.warn(facts, event),
    error: (event, error, facts = {}) => logger.error({ ...facts, ...describe(error) }, event),
    flush,
    close() {
      clearInterval(timer);
      flush();
      output.close();
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

/** RFC 3339 UTC in milliseconds, formatted once for each of them. */
function cachedTime(): () => string {
  let lastMs = -1;
  let second = -1;
  let toSecond = '';
  let text = '';
  return () => {
    const now = Date.now();
    if (now === lastMs) return text;
    lastMs = now;
    const nowSecond = Math.floor(now / 1000);
    if (nowSecond !== second) {
      second = nowSecond;
      toSecond = `,"time":"${new Date(now).toISOString().slice(0, -4)}`;
    }
    text = `${toSecond}${String(now % 1000).padStart(3, '0')}Z"`;
    return text;
  };
}
