/** What a setting's text must be. */
export type SettingKind =
  | 'file'
  | 'folder'
  | 'address'
  | 'environments'
  | 'level'
  | 'switch'
  | 'count'
  | 'ratio'
  | 'url'
  | 'secret'
  | 'other';

/** One setting, on all its surfaces. */
export interface SettingRow {
  /** Key in the config file, and name in code. */
  readonly name: string;
  /** Undefined where a command line must not show it. */
  readonly flag?: string;
  readonly variable: string;
  /** Variable that names a file with the value; giving both is an error. */
  readonly fileVariable?: string;
  /** Placeholder of the value in help; undefined for a switch. */
  readonly takes?: string;
  readonly kind: SettingKind;
  /** As it would be written in a variable; undefined = nothing. */
  readonly default?: string;
  /** Smallest and largest, for a `count`. */
  readonly range?: readonly [smallest: number, largest: number];
  readonly description: string;
  /** Its value is a secret: never in a flag, the config file, a message or a log. */
  readonly secret?: boolean;
  /** Who reads it: `serve`, or the other commands. */
  readonly readBy: 'server' | 'client';
}

export const LOG_LEVELS = ['error', 'warn', 'info', 'debug', 'silent'] as const;

const DAY_MS = 86_400_000;

/** What a count is of, by the end of its name. */
const UNITS = [
  ['Ms', 'MILLISECONDS'],
  ['Bytes', 'BYTES'],
  ['Days', 'DAYS'],
] as const;

/**
 * Every setting that exists: flags, variables, config keys, help and documentation are all made from this
 * table, and what is not in it is refused.
 */
export const SETTINGS = [
  server('config', 'file', 'FILE', 'Config file: JSON, comments allowed; keys as in this table.'),
  {
    ...server(
      'dataDir',
      'folder',
      'FOLDER',
      'Data folder: database, root key and first admin token.',
    ),
    default: './data',
  },
  {
    ...server(
      'proxyListen',
      'address',
      'HOST:PORT',
      'Where apps send their requests; fd:N takes a socket handed over.',
    ),
    default: '127.0.0.1:8080',
  },
  {
    ...server(
      'adminListen',
      'address',
      'HOST:PORT',
      'Where the admin API and the console listen; fd:N likewise.',
    ),
    default: '127.0.0.1:8081',
  },
  server(
    'routes',
    'file',
    'FILE',
    'Routes document to follow; without it, routes live in the store.',
  ),
  server('rootKeyFile', 'file', 'FILE', 'Root key file. Default: master.key in the data folder.'),
  {
    name: 'rootKey',
    variable: 'KEYFERRY_ROOT_KEY',
    takes: 'KEY',
    kind: 'secret',
    description: 'The root key itself: 43 base64url characters or 64 hexadecimal digits.',
    secret: true,
    readBy: 'server',
  },
  {
    name: 'rootKeyPassphrase',
    variable: 'KEYFERRY_ROOT_KEY_PASSPHRASE',
    fileVariable: 'KEYFERRY_ROOT_KEY_PASSPHRASE_FILE',
    takes: 'TEXT',
    kind: 'secret',
    description: 'Passphrase to derive the root key from.',
    secret: true,
    readBy: 'server',
  },
  server('environment', 'environments', 'NAME…', 'Serve only these environments. Default: all.'),
  {
    ...server('logLevel', 'level', 'LEVEL', `What is logged: ${LOG_LEVELS.join(', ')}.`),
    default: 'info',
  },
  server(
    'commandFolder',
    'folder',
    'FOLDER',
    'Where programs lie that rotations may run (provider "command"). Without it they run none.',
  ),
  server('example', 'switch', undefined, 'Also start the example upstream, on loopback.'),
  server(
    'shared',
    'switch',
    undefined,
    'Use the data folder together with other servers, each started so.',
  ),
  server('proxyTlsCert', 'file', 'FILE', 'Certificate chain (PEM) of the proxy listener.'),
  server('proxyTlsKey', 'file', 'FILE', 'Private key (PEM) of the proxy listener.'),
  server(
    'proxyTlsClientCa',
    'file',
    'FILE',
    'Authorities (PEM) whose client certificates the proxy listener demands.',
  ),
  server('adminTlsCert', 'file', 'FILE', 'Certificate chain (PEM) of the admin listener.'),
  server('adminTlsKey', 'file', 'FILE', 'Private key (PEM) of the admin listener.'),
  server(
    'adminTlsClientCa',
    'file',
    'FILE',
    'Authorities (PEM) whose client certificates the admin listener demands.',
  ),
  server(
    'strictExpiry',
    'switch',
    undefined,
    'Refuse requests with a version that has expired, instead of only warning.',
  ),
  count('drainTimeoutMs', 30_000, [0, DAY_MS], 'How long requests may finish after SIGTERM.'),
  count('maxHeaderBytes', 64 * 1024, [1024, 1024 * 1024], 'Largest head of a request, in bytes.'),
  count('maxHeaders', 200, [1, 2000], 'Most headers of a request.'),
  count('headersTimeoutMs', 10_000, [1, DAY_MS], 'How long the head of a request may take.'),
  count('bodyIdleMs', 60_000, [1, DAY_MS], 'Longest silence between two pieces of a request body.'),
  count(
    'responseIdleMs',
    120_000,
    [1, DAY_MS],
    'How long a client may take nothing of its response.',
  ),
  count('maxConnections', 20_000, [1, 1_000_000], 'Most connections from apps at once.'),
  count(
    'maxConnectionsPerAddress',
    10_000,
    [0, 1_000_000],
    'Most of them from one address, or one IPv6 /64; 0: no limit.',
  ),
  count('maxConcurrentRequests', 10_000, [1, 1_000_000], 'Most requests under way at once.'),
  count(
    'maxStreamsPerConnection',
    128,
    [1, 100_000],
    'Most requests under way at once on one connection of HTTP/2.',
  ),
  count(
    'clientRequestsPerSecond',
    0,
    [0, 1_000_000],
    'Requests per second of each client that has no limits of its own; 0: no limit.',
  ),
  count(
    'clientConcurrentRequests',
    0,
    [0, 1_000_000],
    'Requests under way of each client that has no limits of its own; 0: no limit.',
  ),
  count(
    'maxEventLoopDelayMs',
    500,
    [0, 60_000],
    'Lasting delay of the event loop from which on requests are turned away; 0: never.',
  ),
  count(
    'auditRetentionDays',
    2557,
    [1, 36_500],
    'How long rows of the audit log are kept at least (7 years); older ones are pruned.',
  ),
  server(
    'publicAdminUrl',
    'url',
    'URL',
    'Where people reach the console: for links in messages, which have none without it, and for OpenID Connect.',
  ),
  server(
    'oidcIssuer',
    'url',
    'URL',
    'OpenID Connect provider that people sign in with at the console. Without it none is asked.',
  ),
  server('oidcClientId', 'other', 'ID', 'What the provider knows the console as.'),
  {
    name: 'oidcClientSecret',
    variable: 'KEYFERRY_OIDC_CLIENT_SECRET',
    fileVariable: 'KEYFERRY_OIDC_CLIENT_SECRET_FILE',
    takes: 'TEXT',
    kind: 'secret',
    description: 'Secret of that client. Without it: a public client.',
    secret: true,
    readBy: 'server',
  },
  server('oidcCa', 'file', 'FILE', 'Authorities (PEM) for the provider. Default: those of Node.'),
  {
    ...server('oidcScopes', 'other', 'SCOPES', 'Scopes to ask for, with spaces between.'),
    default: 'openid email profile',
  },
  {
    ...server('oidcRoleClaim', 'other', 'NAME', 'Claim whose values --oidc-roles gives roles to.'),
    default: 'groups',
  },
  server('oidcRoles', 'file', 'FILE', 'Which value of the claim gives which role (JSON).'),
  server(
    'otlpEndpoint',
    'url',
    'URL',
    'OTLP/HTTP receiver of traces; /v1/traces is added. Without it there are none.',
  ),
  {
    name: 'otlpHeaders',
    variable: 'KEYFERRY_OTLP_HEADERS',
    fileVariable: 'KEYFERRY_OTLP_HEADERS_FILE',
    takes: 'HEADERS',
    kind: 'secret',
    description:
      'Headers for the receiver: name=value, with commas between, values percent-encoded.',
    secret: true,
    readBy: 'server',
  },
  server('otlpCa', 'file', 'FILE', 'Authorities (PEM) for the receiver. Default: those of Node.'),
  {
    ...server('otlpServiceName', 'other', 'NAME', 'service.name of the traces.'),
    default: 'keyferry',
  },
  {
    ...server(
      'traceSampleRatio',
      'ratio',
      'RATIO',
      'Share of requests, from 0 to 1, whose own traces are exported.',
    ),
    default: '1',
  },
  {
    name: 'adminUrl',
    flag: '--admin-url',
    variable: 'KEYFERRY_ADMIN_URL',
    takes: 'URL',
    kind: 'other',
    default: 'http://127.0.0.1:8081',
    description: 'Where commands find the admin API.',
    readBy: 'client',
  },
  {
    name: 'adminToken',
    variable: 'KEYFERRY_ADMIN_TOKEN',
    fileVariable: 'KEYFERRY_ADMIN_TOKEN_FILE',
    takes: 'TOKEN',
    kind: 'secret',
    description: 'Admin token of commands. Default: admin-token in the data folder.',
    secret: true,
    readBy: 'client',
  },
] as const satisfies readonly SettingRow[];

/** Name of a setting that `serve` reads. */
export type SettingName = (typeof SETTINGS)[number]['name'];

type Row<Name, Kind> = SettingRow & { readonly name: Name; readonly kind: Kind };

function server<const Name extends string, const Kind extends SettingKind>(
  name: Name,
  kind: Kind,
  takes: string | undefined,
  description: string,
): Row<Name, Kind> {
  const words = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return {
    name,
    flag: `--${words}`,
    variable: `KEYFERRY_${words.replaceAll('-', '_').toUpperCase()}`,
    ...(takes === undefined ? {} : { takes }),
    kind,
    description,
    readBy: 'server',
  };
}

function count<const Name extends string>(
  name: Name,
  byDefault: number,
  range: readonly [number, number],
  description: string,
): Row<Name, 'count'> {
  const unit = UNITS.find(([ending]) => name.endsWith(ending))?.[1] ?? 'COUNT';
  return { ...server(name, 'count', unit, description), default: `${byDefault}`, range };
}
