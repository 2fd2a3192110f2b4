import autocannon from 'autocannon';
import { cpuMicros } from './measure-cpu.js';

export interface Load {
  readonly url: string;
  /** The header that shows who sends, as name and value. */
  readonly credential: readonly [name: string, value: string];
  /** Process that is measured. */
  readonly pid: number;
  readonly seconds: number;
  /** Requests per second; undefined = as many as the generator can. */
  readonly rate: number | undefined;
}

export interface Measurement {
  readonly requests: number;
  readonly cpuMicrosPerRequest: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly requestsPerSecond: number;
  /** Share of one processor that the measured process used. */
  readonly busy: number;
}

/** Open connections: enough to overlap, few enough not to queue at the fixed rate. */
const CONNECTIONS = 20;

/**
 * Load before each measurement: a process that was idle while others were measured collects garbage and fills its
 * caches first, which is no part of a request.
 */
const LEAD_IN_SECONDS = 0.5;

/** Sends requests as an SDK does, with the token in place of the credential. Throws on any failed request. */
export async function runLoad(load: Load): Promise<Measurement> {
  const { pid, seconds } = load;
  await send(load, LEAD_IN_SECONDS);
  const before = cpuMicros(pid);
  const startedAt = performance.now();
  const result = await send(load, seconds);
  const elapsedMicros = (performance.now() - startedAt) * 1000;
  const used = cpuMicros(pid) - before;
  const requests = result.requests.total;
  return {
    requests,
    cpuMicrosPerRequest: used / requests,
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
    requestsPerSecond: result.requests.average,
    busy: used / elapsedMicros,
  };
}

async function send({ url, credential, rate }: Load, seconds: number): Promise<autocannon.Result> {
  const result = await autocannon({
    url,
    connections: CONNECTIONS,
    duration: seconds,
    ...(rate === undefined ? {} : { overallRate: rate }),
    headers: {
      [credential[0]]: credential[1],
      accept: 'application/json',
      'accept-encoding': 'gzip, deflate, br',
      'user-agent': 'bench/1.0',
      'x-sdk-language': 'js',
      'content-type': 'application/json',
    },
  });
  const requests = result.requests.total;
  const failed = result.errors + result.timeouts + result.non2xx;
  if (failed > 0 || requests === 0) throw new Error(`${url}: ${failed} of ${requests} failed`);
  return result;
}
