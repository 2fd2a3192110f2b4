import type { SecretValue } from '../core/index.js';
import { addressClass } from './address-class.js';

/** Where traces go. */
export interface TraceSettings {
  /** Without `/v1/traces`. */
  readonly endpoint: string;
  /** `name=value,…`; undefined = none. */
  readonly headers: SecretValue | undefined;
  /** Name of a PEM file; undefined = Node's own authorities. */
  readonly caFile: string | undefined;
  readonly serviceName: string;
  /** From 0 to 1. */
  readonly sampleRatio: number;
}

/** What OpenTelemetry's own libraries read, and what says the same here. */
const STANDARD_VARIABLES: Readonly<Record<string, string>> = {
  OTEL_EXPORTER_OTLP_ENDPOINT: 'KEYFERRY_OTLP_ENDPOINT',
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'KEYFERRY_OTLP_ENDPOINT',
  OTEL_EXPORTER_OTLP_HEADERS: 'KEYFERRY_OTLP_HEADERS',
  OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'KEYFERRY_OTLP_HEADERS',
  OTEL_EXPORTER_OTLP_CERTIFICATE: 'KEYFERRY_OTLP_CA',
  OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE: 'KEYFERRY_OTLP_CA',
  OTEL_SERVICE_NAME: 'KEYFERRY_OTLP_SERVICE_NAME',
  OTEL_TRACES_SAMPLER_ARG: 'KEYFERRY_TRACE_SAMPLE_RATIO',
};

/** What of the settings of traces works but is likely not meant. */
export function traceWarnings(
  settings: TraceSettings | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): string[] {
  const warnings = Object.entries(STANDARD_VARIABLES)
    .filter(([standard, own]) => environment[standard] && !isGiven(environment, own))
    .map(([standard, own]) => `${standard} is not read by Keyferry; its variable is ${own}.`);
  if (settings?.headers !== undefined && isInClear(settings.endpoint)) {
    warnings.push(
      'The headers for the OTLP receiver travel in clear: --otlp-endpoint is an http: address that is not loopback.',
    );
  }
  return warnings;
}

function isGiven(
  environment: Readonly<Record<string, string | undefined>>,
  variable: string,
): boolean {
  return (environment[variable] ?? environment[`${variable}_FILE`]) !== undefined;
}

function isInClear(endpoint: string): boolean {
  const { protocol, hostname } = new URL(endpoint);
  return protocol === 'http:' && addressClass(hostname) !== 'loopback';
}
