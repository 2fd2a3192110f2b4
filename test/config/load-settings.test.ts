import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  loadSettings,
  SETTINGS,
  type SettingRow,
  unknownVariables,
} from '../../src/config/index.js';
import { AppError } from '../../src/core/index.js';

interface Given {
  readonly flags?: Readonly<Record<string, unknown>>;
  readonly environment?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
}

function load({ flags = {}, environment = {}, files = {} }: Given) {
  return loadSettings({
    flags,
    environment,
    readFile(file) {
      const text = files[file];
      if (text === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
      return text;
    },
  });
}

function problemsOf(given: Given) {
  try {
    load(given);
  } catch (error) {
    if (error instanceof AppError && error.code === 'config_invalid') return error.problems;
    throw error;
  }
  return [];
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');

describe('settings', () => {
  it('have the defaults of the contract', () => {
    expect(load({})).toMatchObject({
      dataDir: './data',
      proxyListen: { host: '127.0.0.1', port: 8080 },
      adminListen: { host: '127.0.0.1', port: 8081 },
      rootKey: { type: 'file', file: 'data/master.key' },
      routesFile: undefined,
      environments: undefined,
      example: false,
      shared: false,
      strictExpiry: false,
      warnings: [],
    });
  });

  it('turn traces on by the address of a receiver alone', () => {
    const others = { KEYFERRY_TRACE_SAMPLE_RATIO: '0.25', KEYFERRY_OTLP_HEADERS: 'a=s3cr3t' };
    expect(load({ environment: others }).traces).toBeUndefined();
    const endpoint = { KEYFERRY_OTLP_ENDPOINT: 'http://localhost:4318' };
    const { traces, warnings } = load({ environment: { ...others, ...endpoint } });
    expect(traces).toMatchObject({
      endpoint: 'http://localhost:4318/',
      serviceName: 'keyferry',
      sampleRatio: 0.25,
      caFile: undefined,
    });
    expect(text(traces?.headers?.expose() ?? new Uint8Array())).toBe('a=s3cr3t');
    expect(warnings).toEqual([]);
    const clear = { ...others, KEYFERRY_OTLP_ENDPOINT: 'http://collector.example.com:4318' };
    expect(load({ environment: clear }).warnings).toEqual([expect.stringContaining('in clear')]);
  });

  it('read no variable of OpenTelemetry, and say so where one has a twin', () => {
    const environment = {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318',
      OTEL_SERVICE_NAME: 'mine',
      OTEL_LOG_LEVEL: 'debug',
      KEYFERRY_OTLP_SERVICE_NAME: 'ours',
    };
    expect(load({ environment })).toMatchObject({
      traces: undefined,
      warnings: [
        'OTEL_EXPORTER_OTLP_ENDPOINT is not read by Keyferry; its variable is KEYFERRY_OTLP_ENDPOINT.',
      ],
    });
  });

  it.each([
    ['--otlp-endpoint', 'collector:4318'],
    ['--otlp-endpoint', 'grpc://collector:4317'],
    ['--otlp-endpoint', 'https://collector/?token=s3cr3t'],
    ['--otlp-endpoint', 'https://user:s3cr3t@collector'],
    ['--otlp-endpoint', 'http://'],
    ['--trace-sample-ratio', '1.01'],
    ['--trace-sample-ratio', '-0.5'],
    ['--trace-sample-ratio', '10%'],
    ['--trace-sample-ratio', 'NaN'],
    ['--trace-sample-ratio', ''],
  ])('refuse %s %s, without repeating it', (flag, given) => {
    const [problem, ...more] = problemsOf({ flags: { [flag]: given } });
    expect(more).toEqual([]);
    expect(problem?.path).toBe(flag);
    expect(problem?.message).not.toContain('s3cr3t');
  });

  it('go by flags, then variables, then the config file, then defaults', () => {
    const files = { 'k.json': '{ "logLevel": "debug", /* mine */ "maxHeaders": 7, }' };
    const environment = { KEYFERRY_CONFIG: 'k.json' };
    expect(load({ environment, files })).toMatchObject({ logLevel: 'debug' });
    const variable = { ...environment, KEYFERRY_LOG_LEVEL: 'warn' };
    expect(load({ environment: variable, files })).toMatchObject({ logLevel: 'warn' });
    const flags = { '--log-level': 'error' };
    const all = load({ flags, environment: variable, files });
    expect(all).toMatchObject({
      logLevel: 'error',
      limits: { maxHeaders: 7, maxConnections: 20_000 },
    });
  });

  it('read files that the config file names from its folder', () => {
    const files = {
      '/etc/keyferry/k.json': '{"routes": "r.json", "dataDir": "/var/lib/keyferry"}',
    };
    expect(load({ flags: { '--config': '/etc/keyferry/k.json' }, files })).toMatchObject({
      routesFile: '/etc/keyferry/r.json',
      dataDir: '/var/lib/keyferry',
      rootKey: { type: 'file', file: '/var/lib/keyferry/master.key' },
    });
  });

  it('take several environments from each place', () => {
    const expected = { environments: ['staging', 'production'] };
    const names = ['staging', 'production'];
    expect(load({ flags: { '--environment': names } })).toMatchObject(expected);
    const environment = { KEYFERRY_ENVIRONMENT: 'staging, production' };
    expect(load({ environment })).toMatchObject(expected);
    const files = { c: JSON.stringify({ environment: names }) };
    expect(load({ flags: { '--config': 'c' }, files })).toMatchObject(expected);
  });

  it.each([
    ['[::1]:8080', { host: '::1', port: 8080 }],
    ['0.0.0.0:0', { host: '0.0.0.0', port: 0 }],
    ['localhost:65535', { host: 'localhost', port: 65_535 }],
  ])('listen on %s', (address, expected) => {
    expect(load({ flags: { '--proxy-listen': address } }).proxyListen).toEqual(expected);
  });

  it.each([
    ['8080', 'HOST:PORT is expected'],
    [':8080', 'a host is expected'],
    ['::1:8080', 'needs brackets'],
    ['[::1:8080', 'needs brackets'],
    ['localhost:65536', 'a port is 0 to 65535'],
    ['http://localhost:80', 'without scheme'],
    ['a b:80', 'host name'],
    ['*:80', 'wildcard'],
  ])('refuse to listen on %s', (address, message) => {
    expect(problemsOf({ environment: { KEYFERRY_ADMIN_LISTEN: address } })).toEqual([
      { path: 'KEYFERRY_ADMIN_LISTEN', message: expect.stringContaining(message) },
    ]);
  });

  it('report everything at once, each with its place and the nearest known name', () => {
    const given = {
      flags: { '--data-dri': 'x', '--log-level': 'wran', '--config': 'k.json' },
      environment: { KEYFERRY_STRICT_EXPIRE: '1', KEYFERRY_MAX_HEADERS: 'many' },
      files: { 'k.json': '{\n  "adminListn": "127.0.0.1:1",\n  "example": "yes"\n}' },
    };
    expect(problemsOf(given)).toEqual([
      { path: '--data-dri', message: expect.any(String), nearest: '--data-dir' },
      { path: '--log-level', message: expect.stringContaining('"wran"'), nearest: 'warn' },
      {
        path: 'KEYFERRY_STRICT_EXPIRE',
        message: expect.any(String),
        nearest: 'KEYFERRY_STRICT_EXPIRY',
      },
      { path: 'KEYFERRY_MAX_HEADERS', message: expect.stringContaining('whole number from 1') },
      {
        path: 'k.json: adminListn',
        message: expect.any(String),
        nearest: 'adminListen',
        line: 2,
        column: 17,
      },
      {
        path: 'k.json: example',
        message: expect.stringContaining('true or false'),
        line: 3,
        column: 14,
      },
    ]);
  });

  it.each([
    [{ c: '{ "logLevel": }' }, { path: 'c', line: 1, column: 15 }],
    [{ c: '{ "logLevel": "info", "logLevel": "warn" }' }, { path: 'c: logLevel' }],
    [{ c: '[]' }, { path: 'c', message: expect.stringContaining('a list of 0 items') }],
    [{}, { path: 'c', message: 'the file "c" cannot be read (ENOENT)' }],
  ])('refuse the config file %j', (files, problem) => {
    expect(problemsOf({ flags: { '--config': 'c' }, files })).toEqual([
      expect.objectContaining(problem),
    ]);
  });

  it('know the variables of commands, and what Kubernetes sets for a service', () => {
    const environment = {
      KEYFERRY_ADMIN_URL: 'http://127.0.0.1:1',
      KEYFERRY_ADMIN_TOKEN: 'kfa_x',
      KEYFERRY_ADMIN_TOKEN_FILE: 'x',
      KEYFERRY_SERVICE_HOST: '10.0.0.1',
      KEYFERRY_SERVICE_PORT_HTTP: '80',
      KEYFERRY_PORT: 'tcp://10.0.0.1:80',
      KEYFERRY_ADMIN_PORT_8081_TCP_ADDR: '10.0.0.1',
      OTHER_VARIABLE: 'x',
    };
    expect(problemsOf({ environment })).toEqual([]);
    expect(problemsOf({ environment: { KEYFERRY_PORT: '8080' } })).toHaveLength(1);
  });

  it('count an empty variable as not given', () => {
    expect(load({ environment: { KEYFERRY_ROUTES: '' } }).routesFile).toBeUndefined();
  });

  it('warn when admin tokens would travel in clear', () => {
    const flags = { '--admin-listen': '0.0.0.0:8081' };
    expect(load({ flags }).warnings).toEqual([expect.stringContaining('without TLS')]);
    const tls = { '--admin-tls-cert': 'c.pem', '--admin-tls-key': 'k.pem' };
    expect(load({ flags: { ...flags, ...tls } })).toMatchObject({
      warnings: [],
      adminTls: { certFile: 'c.pem', keyFile: 'k.pem', clientCaFile: undefined },
    });
    expect(load({ flags: { '--admin-listen': '[::1]:8081' } }).warnings).toEqual([]);
  });

  it.each([
    [{ '--proxy-tls-cert': 'c' }, '--proxy-tls-key'],
    [{ '--proxy-tls-key': 'k' }, '--proxy-tls-cert'],
    [{ '--admin-tls-client-ca': 'k' }, '--admin-tls-cert'],
    [{ '--admin-listen': '127.0.0.1:8080' }, '--admin-listen'],
  ])('refuse %j, which is half of something', (flags, path) => {
    expect(problemsOf({ flags })).toEqual([expect.objectContaining({ path })]);
  });
});

describe('the root key', () => {
  it.each([
    [{ KEYFERRY_ROOT_KEY: 'key' }, {}, 'value', 'key'],
    [{ KEYFERRY_ROOT_KEY_PASSPHRASE: 'long phrase' }, {}, 'passphrase', 'long phrase'],
    [
      { KEYFERRY_ROOT_KEY_PASSPHRASE_FILE: 'p' },
      { p: 'long phrase\r\n' },
      'passphrase',
      'long phrase',
    ],
    [{ KEYFERRY_ROOT_KEY_PASSPHRASE_FILE: 'p' }, { p: ' two\n\n' }, 'passphrase', ' two\n'],
  ])('comes from %j', (environment, files, type, expected) => {
    const { rootKey } = load({ environment, files });
    expect(rootKey.type).toBe(type);
    const value =
      'value' in rootKey ? rootKey.value : 'passphrase' in rootKey && rootKey.passphrase;
    expect(value && text(value.expose())).toBe(expected);
  });

  it('comes from the file of a flag before anything that a variable says', () => {
    const flags = { '--root-key-file': 'a.key' };
    const environment = { KEYFERRY_ROOT_KEY: 'key' };
    expect(load({ flags, environment }).rootKey).toEqual({ type: 'file', file: 'a.key' });
    const variable = { KEYFERRY_ROOT_KEY_FILE: 'b.key' };
    expect(load({ environment: variable }).rootKey).toEqual({ type: 'file', file: 'b.key' });
  });

  it.each([
    [{ KEYFERRY_ROOT_KEY: 'k', KEYFERRY_ROOT_KEY_FILE: 'f' }],
    [{ KEYFERRY_ROOT_KEY: 'k', KEYFERRY_ROOT_KEY_PASSPHRASE: 'p' }],
    [{ KEYFERRY_ROOT_KEY_FILE: 'f', KEYFERRY_ROOT_KEY_PASSPHRASE: 'p' }],
    [{ KEYFERRY_ROOT_KEY_PASSPHRASE: 'p', KEYFERRY_ROOT_KEY_PASSPHRASE_FILE: 'p' }],
    [{ KEYFERRY_ROOT_KEY: '' }],
  ])('cannot be given twice, or empty: %j', (environment) => {
    expect(problemsOf({ environment, files: { p: 'x' } })).toHaveLength(1);
  });

  it('is never a flag or a key of the config file, and never shown', () => {
    const value = 'VerySecretRootKeyValue';
    for (const row of SETTINGS.filter((candidate: SettingRow) => candidate.secret)) {
      expect(row).not.toHaveProperty('flag');
      const given = {
        flags: { '--config': 'c' },
        files: { c: JSON.stringify({ [row.name]: value }) },
      };
      const problems = problemsOf(given);
      expect(problems).toEqual([
        expect.objectContaining({ message: expect.stringContaining(row.variable) }),
      ]);
      expect(JSON.stringify(problems)).not.toContain(value);
    }
  });
});

describe('the table of settings', () => {
  it('names each flag, variable and key once', () => {
    const rows: readonly SettingRow[] = SETTINGS;
    const names = rows.flatMap(({ name, flag, variable, fileVariable }) =>
      [name, flag, variable, fileVariable].filter((item) => item !== undefined),
    );
    expect(new Set(names).size).toBe(names.length);
  });

  it('has a variable for each flag, spelled the same', () => {
    for (const { flag, variable } of SETTINGS as readonly SettingRow[]) {
      if (flag === undefined) continue;
      expect(variable).toBe(`KEYFERRY_${flag.slice(2).replaceAll('-', '_').toUpperCase()}`);
    }
  });

  it('has defaults that are accepted', () => {
    const rows: readonly SettingRow[] = SETTINGS;
    const withDefault = rows.filter((row) => row.default !== undefined && row.readBy === 'server');
    expect(withDefault.length).toBeGreaterThan(5);
    for (const row of withDefault) {
      expect(problemsOf({ environment: { [row.variable]: row.default ?? '' } })).toEqual([]);
    }
  });

  it('lets no variable through that it does not hold', () => {
    const known = new Set(SETTINGS.map(({ variable }) => variable as string));
    const name = fc.stringMatching(/^[A-Z]{3,12}$/).map((word) => `KEYFERRY_${word}`);
    fc.assert(
      fc.property(name, (variable) => {
        fc.pre(!known.has(variable));
        const environment = { [variable]: 'x' };
        expect(problemsOf({ environment })).toHaveLength(1);
        expect(unknownVariables(environment)).toEqual(problemsOf({ environment }));
      }),
    );
  });

  it('tells the nearest variable, and looks at no value, file or known variable', () => {
    const given = {
      KEYFERRY_LOG_LEVL: 'hush',
      KEYFERRY_ROUTES: '/nowhere',
      KEYFERRY_PORT: 'tcp://a',
    };
    expect(unknownVariables({ ...given, KEYFERRY_ADMIN_TOKEN_FILE: '/nowhere' })).toEqual([
      {
        path: 'KEYFERRY_LOG_LEVL',
        message: 'not a variable of Keyferry',
        nearest: 'KEYFERRY_LOG_LEVEL',
      },
    ]);
  });
});
