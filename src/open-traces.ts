import type { Settings } from './config/index.js';
import { readAuthorities } from './read-authorities.js';
import { type Log, type RunningTraces, startTraces } from './telemetry/index.js';

/**
 * Traces as the settings have them; undefined where they name no receiver. Throws `config_invalid` for authorities
 * that cannot be read or used, and for headers that are none.
 */
export async function openTraces(
  { traces, proxyTls }: Settings,
  version: string,
  log: Log,
): Promise<RunningTraces | undefined> {
  if (traces === undefined) return undefined;
  const { endpoint, headers, caFile, serviceName, sampleRatio } = traces;
  return startTraces({
    endpoint,
    headers,
    ca: caFile === undefined ? undefined : await readAuthorities('--otlp-ca', caFile),
    serviceName,
    serviceVersion: version,
    sampleRatio,
    scheme: proxyTls === undefined ? 'http' : 'https',
    log,
  });
}
