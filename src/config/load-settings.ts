import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  AppError,
  formatListenAddress,
  type ListenAddress,
  type OidcSettings,
  type Problem,
  type SecretValue,
  type SettingInForce,
  type TrafficLimits,
} from '../core/index.js';
import { addressClass } from './address-class.js';
import { gatherConfigFile, gatherFlags, gatherVariables } from './gather-settings.js';
import { oidcSettings } from './oidc-settings.js';
import { type LogLevel, type ParsedSetting, parseSetting } from './parse-setting.js';
import type { ReadFile } from './read-text.js';
import { SETTINGS, type SettingName, type SettingRow } from './setting-table.js';
import { settingsInForce } from './settings-in-force.js';
import type { SettingsLayer } from './settings-layer.js';
import { type TraceSettings, traceWarnings } from './trace-settings.js';

/** Where the root key comes from. */
export type RootKeySource =
  | { readonly type: 'file'; readonly file: string }
  | { readonly type: 'value'; readonly value: SecretValue }
  | { readonly type: 'passphrase'; readonly passphrase: SecretValue };

/** Names of the PEM files of a listener. */
export interface ListenerTls {
  readonly certFile: string;
  readonly keyFile: string;
  readonly clientCaFile: string | undefined;
}

/** What the proxy listener allows. */
export interface ListenerLimits {
  readonly maxHeaderBytes: number;
  readonly maxHeaders: number;
  readonly headersTimeoutMs: number;
  readonly bodyIdleMs: number;
  readonly responseIdleMs: number;
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  readonly maxConcurrentRequests: number;
  readonly maxStreamsPerConnection: number;
  readonly maxEventLoopDelayMs: number;
  /** For each client that has no limits of its own; undefined = none. */
  readonly clientLimits: TrafficLimits | undefined;
}

/** Everything that `serve` was told, checked, with defaults filled in. */
export interface Settings {
  readonly dataDir: string;
  readonly proxyListen: ListenAddress;
  readonly adminListen: ListenAddress;
  readonly proxyTls: ListenerTls | undefined;
  readonly adminTls: ListenerTls | undefined;
  /** The routes file to follow; undefined = routes live in the store. */
  readonly routesFile: string | undefined;
  readonly rootKey: RootKeySource;
  /** Serve only these; undefined = every declared one. */
  readonly environments: readonly string[] | undefined;
  readonly logLevel: LogLevel;
  /** Where programs lie that rotations may run; undefined = they run none. */
  readonly commandFolder: string | undefined;
  readonly example: boolean;
  /** Other servers use the data folder too. */
  readonly shared: boolean;
  readonly strictExpiry: boolean;
  readonly drainTimeoutMs: number;
  /** Rows of the audit log are kept at least so long. */
  readonly auditRetentionDays: number;
  readonly limits: ListenerLimits;
  /** Where people reach the console; undefined = nobody said. */
  readonly publicAdminUrl: string | undefined;
  /** Undefined = nobody signs in with OpenID Connect. */
  readonly oidc: OidcSettings | undefined;
  /** Undefined = traces are off. */
  readonly traces: TraceSettings | undefined;
  /** Each setting as it is, with what said so. */
  readonly inForce: readonly SettingInForce[];
  /** What works but is likely not meant; one sentence each. */
  readonly warnings: readonly string[];
}

export interface SettingsInput {
  /** By their own spelling: `{'--data-dir': 'data', '--example': true, '--environment': ['staging']}`. */
  readonly flags: Readonly<Record<string, unknown>>;
  /** `process.env`, or what stands for it. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly readFile?: ReadFile | undefined;
}

/**
 * Reads the settings of `serve`: flags before variables before the config file before defaults. Names of
 * files in the config file are relative to its folder. Throws `config_invalid` with every problem at once,
 * each with its flag, variable, or key and line.
 */
export function loadSettings(input: SettingsInput): Settings {
  const readFile = input.readFile ?? ((file) => readFileSync(file, 'utf8'));
  const flags = gatherFlags(input.flags);
  const variables = gatherVariables(input.environment, readFile);
  const configFile = flags.values.get('config') ?? variables.values.get('config');
  const file = typeof configFile === 'string' ? gatherConfigFile(configFile, readFile) : undefined;
  const layers = file === undefined ? [flags, variables] : [flags, variables, file];
  const problems = layers.flatMap((layer) => layer.problems);
  const settings = assemble(layers, problems, { ...input, readFile });
  const [first] = problems;
  if (first !== undefined) {
    const { path, message, nearest } = first;
    const question = nearest === undefined ? '' : `; did you mean ${nearest}?`;
    const more = problems.length === 1 ? '' : ` (and ${problems.length - 1} more)`;
    throw new AppError('config_invalid', `${path}: ${message}${question}${more}`, { problems });
  }
  return { ...settings, inForce: settingsInForce({ flags, variables, configFile: file }) };
}

function assemble(
  layers: readonly SettingsLayer[],
  problems: Problem[],
  { environment, readFile }: Pick<SettingsInput, 'environment'> & { readonly readFile: ReadFile },
): Omit<Settings, 'inForce'> {
  const find = (name: SettingName): ParsedSetting | undefined =>
    layers.find((layer) => layer.values.has(name))?.values.get(name) ?? defaultOf(name);
  const text = (name: SettingName): string | undefined => {
    const value = find(name);
    return typeof value === 'string' ? value : undefined;
  };
  const secret = (name: SettingName): SecretValue | undefined =>
    layers.map(({ secrets }) => secrets.get(name)).find(Boolean);
  const address = (name: SettingName): ListenAddress => find(name) as ListenAddress;
  const count = (name: SettingName): number => Number(find(name));
  const tls = (listener: 'proxy' | 'admin'): ListenerTls | undefined =>
    listenerTls(
      listener,
      [text(`${listener}TlsCert`), text(`${listener}TlsKey`), text(`${listener}TlsClientCa`)],
      problems,
    );
  const dataDir = text('dataDir') ?? '';
  const endpoint = text('otlpEndpoint');
  const settings: Omit<Settings, 'warnings' | 'inForce'> = {
    dataDir,
    proxyListen: address('proxyListen'),
    adminListen: address('adminListen'),
    proxyTls: tls('proxy'),
    adminTls: tls('admin'),
    routesFile: text('routes'),
    rootKey: rootKeySource(layers, problems) ?? { type: 'file', file: join(dataDir, 'master.key') },
    environments: find('environment') as readonly string[] | undefined,
    logLevel: find('logLevel') as LogLevel,
    commandFolder: text('commandFolder'),
    example: find('example') === true,
    shared: find('shared') === true,
    publicAdminUrl: text('publicAdminUrl'),
    oidc: oidcSettings({ text, secret, readFile, problems }),
    strictExpiry: find('strictExpiry') === true,
    drainTimeoutMs: count('drainTimeoutMs'),
    auditRetentionDays: count('auditRetentionDays'),
    limits: {
      maxHeaderBytes: count('maxHeaderBytes'),
      maxHeaders: count('maxHeaders'),
      headersTimeoutMs: count('headersTimeoutMs'),
      bodyIdleMs: count('bodyIdleMs'),
      responseIdleMs: count('responseIdleMs'),
      maxConnections: count('maxConnections'),
      maxConnectionsPerAddress: count('maxConnectionsPerAddress'),
      maxConcurrentRequests: count('maxConcurrentRequests'),
      maxStreamsPerConnection: count('maxStreamsPerConnection'),
      maxEventLoopDelayMs: count('maxEventLoopDelayMs'),
      clientLimits: clientLimits(
        count('clientRequestsPerSecond'),
        count('clientConcurrentRequests'),
      ),
    },
    traces:
      endpoint === undefined
        ? undefined
        : {
            endpoint,
            headers: secret('otlpHeaders'),
            caFile: text('otlpCa'),
            serviceName: text('otlpServiceName') ?? '',
            sampleRatio: count('traceSampleRatio'),
          },
  };
  if (settings.shared && settings.example) {
    const message = 'the example is for one server that is tried out; leave one of the two out';
    problems.push({ path: '--shared', message });
  }
  const { proxyListen, adminListen } = settings;
  const same = formatListenAddress(proxyListen) === formatListenAddress(adminListen);
  if (same && !('port' in proxyListen && proxyListen.port === 0)) {
    const message = 'both listeners have the same address; no path of the proxy is the admin’s';
    problems.push({ path: '--admin-listen', message });
  }
  const warnings = [...warningsOf(settings), ...traceWarnings(settings.traces, environment)];
  return { ...settings, warnings };
}

/** 0 = no limit. */
function clientLimits(
  requestsPerSecond: number,
  concurrentRequests: number,
): TrafficLimits | undefined {
  if (requestsPerSecond === 0 && concurrentRequests === 0) return undefined;
  return {
    ...(requestsPerSecond === 0 ? {} : { requestsPerSecond }),
    ...(concurrentRequests === 0 ? {} : { concurrentRequests }),
  };
}

function defaultOf(name: SettingName): ParsedSetting | undefined {
  const row: SettingRow | undefined = SETTINGS.find((candidate) => candidate.name === name);
  if (row?.default === undefined) return undefined;
  const parsed = parseSetting(row, row.default);
  return parsed.ok ? parsed.value : undefined;
}

/** The highest layer that names a root key decides; two in one layer contradict each other. */
function rootKeySource(
  layers: readonly SettingsLayer[],
  problems: Problem[],
): RootKeySource | undefined {
  for (const { values, secrets } of layers) {
    const file = values.get('rootKeyFile');
    const value = secrets.get('rootKey');
    const passphrase = secrets.get('rootKeyPassphrase');
    const sources: RootKeySource[] = [];
    if (typeof file === 'string') sources.push({ type: 'file', file });
    if (value !== undefined) sources.push({ type: 'value', value });
    if (passphrase !== undefined) sources.push({ type: 'passphrase', passphrase });
    if (sources.length > 1) {
      const path = value === undefined ? 'KEYFERRY_ROOT_KEY_PASSPHRASE' : 'KEYFERRY_ROOT_KEY';
      const message = `the root key is given as ${sources.map(({ type }) => type).join(' and as ')}; give one of them`;
      problems.push({ path, message });
    }
    if (sources[0] !== undefined) return sources[0];
  }
  return undefined;
}

function listenerTls(
  listener: 'proxy' | 'admin',
  [certFile, keyFile, clientCaFile]: readonly (string | undefined)[],
  problems: Problem[],
): ListenerTls | undefined {
  if (certFile !== undefined && keyFile !== undefined) return { certFile, keyFile, clientCaFile };
  if (certFile === undefined && keyFile === undefined && clientCaFile === undefined)
    return undefined;
  const missing = certFile === undefined ? 'cert' : 'key';
  const message = `--${listener}-tls-cert and --${listener}-tls-key go together, and a client authority needs both`;
  problems.push({ path: `--${listener}-tls-${missing}`, message });
  return undefined;
}

function warningsOf({
  adminListen,
  adminTls,
}: Pick<Settings, 'adminListen' | 'adminTls'>): string[] {
  // A socket handed over is bound by someone else: what to warn of is theirs to know.
  if (adminTls !== undefined || 'fd' in adminListen) return [];
  if (addressClass(adminListen.host) === 'loopback') return [];
  return [
    `The admin listener ${formatListenAddress(adminListen)} can be reached from other machines without TLS: admin tokens and new secrets would travel in clear. Set --admin-tls-cert and --admin-tls-key, or listen on 127.0.0.1.`,
  ];
}
