import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import type { Settings } from './config/index.js';
import { AppError } from './core/index.js';
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
    ca: caFile === undefined ? undefined : await readAuthorities(caFile),
    serviceName,
    serviceVersion: version,
    sampleRatio,
    scheme: proxyTls === undefined ? 'http' : 'https',
    log,
  });
}

async function readAuthorities(file: string): Promise<string> {
  try {
    const ca = await readFile(file, 'utf8');
    createSecureContext({ ca });
    // Text without a certificate in it is taken without a word, and then nothing is trusted.
    if (ca.includes('-----BEGIN ')) return ca;
  } catch (cause) {
    throw new AppError('config_invalid', `--otlp-ca: the file ${file} cannot be read or used.`, {
      cause,
    });
  }
  throw new AppError(
    'config_invalid',
    `--otlp-ca: the file ${file} holds no certificate in PEM form.`,
  );
}
