import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { expect, onTestFinished, test, vi } from 'vitest';
import { CanaryWatch, formsOf } from '../support/canary.js';
import { PATIENCE_MS } from '../support/patience.js';
import {
  runKeyferry,
  type ServedKeyferry,
  serveKeyferry,
  temporaryDataDir,
} from '../support/serve-process.js';
import { startOtlpReceiver } from '../support/start-otlp-receiver.js';
import { send } from '../support/steady-load.js';

const letters = fc.string({
  unit: fc.constantFrom(...'ABCDEFGHabcdefgh0123456789+/"\\é%'),
  minLength: 12,
  maxLength: 40,
});

test('the search finds every form, wherever it stands and however it was cut', () => {
  fc.assert(
    fc.property(letters, fc.uint8Array({ maxLength: 50 }), fc.nat(), (value, around, cut) => {
      for (const { name, bytes } of formsOf(value)) {
        const watch = new CanaryWatch();
        watch.watch('value', value);
        const whole = Buffer.concat([around, bytes, around]);
        watch.add('there', whole.subarray(0, cut % whole.length));
        watch.add('there', whole.subarray(cut % whole.length));
        expect(watch.findings().join(' '), name).toContain('value (');
      }
    }),
    { numRuns: 50 },
  );
});

test('the search finds a value inside of something longer that was encoded as a whole', () => {
  fc.assert(
    fc.property(letters, fc.string(), fc.string(), (value, before, after) => {
      const whole = Buffer.from(`${before}${value}${after}`);
      for (const encoding of ['base64', 'base64url', 'hex', 'utf8'] as const) {
        const watch = new CanaryWatch();
        watch.watch('value', value);
        watch.add('there', whole.toString(encoding));
        expect(watch.findings(), encoding).not.toEqual([]);
      }
      const clean = new CanaryWatch();
      clean.watch('value', value);
      clean.add('there', `${before}${randomBytes(200).toString('base64')}${after}`);
      expect(clean.findings()).toEqual([]);
    }),
    { numRuns: 50 },
  );
});

/** Text that no name or number is like, with everything in it that an encoding changes. */
const newValue = (): string => `v"\\%+/=<&é${randomBytes(18).toString('hex')}`;

/** Upstreams that answer, and that fail in every way, most of them with what they were sent in their answer. */
async function startUpstreams() {
  let seen = '';
  const good = createServer((request, response) => {
    let body = '';
    request.on('data', (piece) => {
      body += piece;
    });
    request.on('end', () => {
      seen += JSON.stringify([request.url, request.rawHeaders, body]);
      response.end('ok');
    });
  });
  // Gives back all that it was given, in every place that an answer has.
  const echo = createServer((request, response) => {
    const { authorization = '' } = request.headers;
    response.setHeader('content-type', 'application/json');
    response.setHeader('x-echo', authorization);
    response.setHeader('location', request.url ?? '');
    response.setHeader('trailer', 'x-last');
    response.addTrailers({ 'x-last': Buffer.from(authorization).toString('base64') });
    response.end(JSON.stringify({ url: request.url, headers: request.rawHeaders }));
  });
  const cut = createServer((_request, response) => {
    response.writeHead(200, { 'content-length': 1000 });
    response.write('a part');
    setTimeout(() => response.destroy(), 20);
  });
  const silent = createServer(() => undefined);
  const garbage = createTcpServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.once('data', (piece) => socket.end(Buffer.concat([Buffer.from('no HTTP: '), piece])));
  });
  const reset = createTcpServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.once('data', () => socket.resetAndDestroy());
  });
  const servers = { good, echo, cut, silent, garbage, reset };
  const origins: Record<string, string> = { closed: 'http://127.0.0.1:1' };
  for (const [name, server] of Object.entries(servers)) {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    origins[name] = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }
  origins.untrusted = (origins.good ?? '').replace('http:', 'https:');
  onTestFinished(() => {
    for (const server of [good, echo, cut, silent]) server.closeAllConnections();
  });
  return { origins, seen: () => seen };
}

test('a value is found in nothing that the server or a command wrote', async () => {
  const watch = new CanaryWatch();
  const dataDir = temporaryDataDir();
  const scratch = join(dataDir, 'scratch');
  mkdirSync(scratch, { mode: 0o700 });
  const receiver = await startOtlpReceiver();
  const crash = fileURLToPath(new URL('../support/crash-on-signal.mjs', import.meta.url));
  const reports = '--report-uncaught-exception --report-on-signal --report-signal=SIGUSR2';
  const environment = {
    TMPDIR: scratch,
    KEYFERRY_OTLP_ENDPOINT: receiver.url,
    NODE_OPTIONS: `${reports} --report-directory=${scratch} --import=${crash}`,
  };
  const flags = ['--log-level', 'debug', '--drain-timeout-ms', '500'];
  const { origins, seen } = await startUpstreams();

  const value = newValue();
  const values = {
    'the value in use': value,
    'a staged value': newValue(),
    'a value of another environment': newValue(),
    'a value from standard input': newValue(),
    'a value from a file': newValue(),
    'a field': newValue(),
    'a value that was refused': newValue(),
    'a value in an argument': newValue(),
    'a value that was destroyed': newValue(),
    'a signing key': newValue(),
    // Their alphabet is that of AWS.
    'an AWS secret key': `wJalr/+${randomBytes(15).toString('hex')}`,
    'a session token': `FwoG/+=${randomBytes(30).toString('hex')}`,
  };
  for (const [what, text] of Object.entries(values)) watch.watch(what, text);

  /** What the operating system shows of a process to others. */
  const look = (name: string, pid: number | undefined): void => {
    for (const file of ['cmdline', 'environ', 'comm', 'status']) {
      watch.add(`${file} of ${name}`, readFileSync(`/proc/${pid}/${file}`));
    }
  };
  const serve = async (name: string): Promise<ServedKeyferry> => {
    const server = await serveKeyferry({ dataDir, flags, environment });
    look(name, server.pid);
    void server.finished.then(({ stdout, stderr }) =>
      watch.add(`output of ${name}`, stdout + stderr),
    );
    return server;
  };
  let server = await serve('the first server');
  watch.watch('the root key', readFileSync(join(dataDir, 'master.key'), 'utf8').trim());
  const call = async (method: string, path: string, body?: unknown): Promise<number> => {
    const answer = await server.call(method, path, body);
    watch.add(`answer of ${method} ${path}`, JSON.stringify(answer));
    return answer.status;
  };
  const run = async (argv: readonly string[], input = ''): Promise<number | null> => {
    const command = await runKeyferry(
      [...argv, '--data-dir', dataDir, '--admin-url', server.adminUrl],
      {
        environment,
        input,
        onStart: (pid) => {
          if (!argv.some((word) => word.includes(values['a value in an argument'])))
            look(argv.join(' '), pid);
        },
      },
    );
    watch.add(`output of ${argv.join(' ')}`.replace(/v".*/, '…'), command.stdout + command.stderr);
    return command.exitCode;
  };

  // Values come in, by every way there is.
  const versions = (secret: string, environmentName = 'production'): string =>
    `/v1/secrets/${secret}/environments/${environmentName}/versions`;
  for (const name of ['key', 'user', 'doomed', 'fields', 'placed']) {
    expect(
      await call('POST', '/v1/secrets', { name, owner: 'ops', allowedHosts: ['127.0.0.1'] }),
    ).toBe(201);
  }
  expect(await call('POST', versions('key'), { value })).toBe(201);
  expect(
    await call('POST', versions('key'), { value: values['a staged value'], note: 'next' }),
  ).toBe(201);
  expect(
    await call('POST', versions('key', 'staging'), {
      value: values['a value of another environment'],
    }),
  ).toBe(201);
  expect(
    await call('POST', versions('doomed'), { value: values['a value that was destroyed'] }),
  ).toBe(201);
  expect(await call('POST', versions('doomed'), { value: newValue() })).toBe(201);
  expect(
    await run(
      ['versions', 'add', 'user', '--environment', 'production'],
      values['a value from standard input'],
    ),
  ).toBe(0);
  const valueFile = join(scratch, 'value');
  writeFileSync(valueFile, values['a value from a file'], { mode: 0o600 });
  expect(
    await run([
      'versions',
      'add',
      'placed',
      '--environment',
      'production',
      '--value-file',
      valueFile,
    ]),
  ).toBe(0);
  writeFileSync(valueFile, '');
  for (const name of ['signing', 'aws']) {
    expect(await call('POST', '/v1/secrets', { name })).toBe(201);
  }
  expect(await call('POST', versions('signing'), { value: values['a signing key'] })).toBe(201);
  const credentials = {
    accessKeyId: 'AKIDEXAMPLE',
    secretAccessKey: values['an AWS secret key'],
    sessionToken: values['a session token'],
  };
  expect(await call('POST', versions('aws'), { value: credentials })).toBe(201);
  const fields = { id: 'name', token: values['a field'] };
  expect(await call('POST', versions('fields'), { value: fields })).toBe(201);

  // Values that are refused.
  const refused = values['a value that was refused'];
  const raw = async (path: string, body: string, type = 'application/json'): Promise<void> => {
    const response = await fetch(`${server.adminUrl}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${await server.token()}`, 'content-type': type },
      body,
    });
    watch.add(`answer of a bad body to ${path}`, await response.text());
    expect(response.status).toBeGreaterThanOrEqual(400);
  };
  for (const body of [
    `{"value": "${refused}`,
    `{"value": ${refused}}`,
    JSON.stringify({ value: [refused] }),
    JSON.stringify({ value: { deep: [refused] } }),
    JSON.stringify({ valeu: refused }),
    JSON.stringify({ value: refused, [refused]: true }),
    JSON.stringify({ value: refused, expiresAt: refused }),
    JSON.stringify({ value: `${refused}${'x'.repeat(70_000)}` }),
    JSON.stringify({ value: refused, note: 7 }),
    JSON.stringify(refused),
    JSON.stringify([refused]),
  ]) {
    await raw(versions('key'), body);
    await raw('/v1/secrets', body);
  }
  await raw(versions('key'), refused, 'text/plain');
  await raw(
    versions('key'),
    `value=${encodeURIComponent(refused)}`,
    'application/x-www-form-urlencoded',
  );
  expect(await call('PUT', `${versions('key')}/1/value`, { value: refused })).toBe(405);
  expect(await call('PATCH', '/v1/secrets/key', { value: refused })).toBeGreaterThanOrEqual(400);
  await run(['versions', 'add', 'nosuchsecret', '--environment', 'production'], refused);
  await run(['versions', 'add', 'key', '--environment', 'nosuchplace'], refused);
  const inArgument = values['a value in an argument'];
  for (const argv of [
    ['versions', 'add', 'key', inArgument],
    ['versions', 'add', 'key', '--value', inArgument],
    ['versions', 'add', 'key', `--value=${inArgument}`],
    ['secrets', 'create', 'other', inArgument],
  ]) {
    expect(await run(argv)).toBe(1);
  }

  // They are placed, where upstreams answer and where they fail.
  const places = {
    headers: {
      Authorization: 'Bearer <<secret:key>>',
      'X-Basic': '<<basic:user,key>>',
      'X-B': '<<base64:key>>',
    },
    query: { placed: '<<secret:placed>>' },
  };
  const ways: Record<string, object> = {
    '': places,
    '-path': { path: '/of/<<secret:placed>>/here' },
    '-body': {
      body: {
        json: { '/deep/key': '<<secret:key>>' },
        form: { token: '<<secret:fields.token>>' },
        maxBytes: 4096,
      },
    },
    '-hmac': {
      sign: {
        hmac: {
          key: '<<secret:signing>>',
          canonical: '<<method>><<target>><<body>>',
          header: 'X-Signature',
        },
      },
    },
    '-aws': { sign: { aws: { credentials: '<<secret:aws>>', service: 's3', region: 'r' } } },
    '-block': { ...places, echoScrub: 'block' },
    '-limited': { ...places, limits: { requestsPerSecond: 0.001, burst: 1 } },
  };
  const everyWay = Object.entries(origins).flatMap(([name, upstream]) =>
    Object.entries(ways).map(([suffix, way]) => ({ name: `${name}${suffix}`, upstream, way })),
  );
  const routes = everyWay.map(({ name, upstream, way }) => ({
    name,
    match: { pathPrefix: `/${name}` },
    ...way,
    environments: {
      production: { upstream, allowPrivateNetwork: true, timeouts: { headersMs: 300 } },
    },
  }));
  expect(await call('PUT', '/v1/routes', { routes })).toBe(200);
  expect(
    await call('PUT', '/v1/routes', {
      routes: [{ ...routes[0], headers: { A: '<<secret:kye>>' } }],
    }),
  ).toBe(422);
  const token = await server.client('production');
  const ask = async (path: string): Promise<string> => {
    const headers = { 'keyferry-token': token, connection: 'close' };
    const answer = await send(`${server.proxyUrl}${path}`, { headers }).catch(String);
    if (typeof answer === 'string') return answer;
    watch.add(`answer of ${path}`, JSON.stringify(answer));
    return String(answer.headers['keyferry-error'] ?? answer.status);
  };
  const post = async (path: string, body: string): Promise<string> => {
    const headers = { 'keyferry-token': token, 'content-type': 'application/json' };
    const options = { method: 'POST', headers, body };
    const answer = await fetch(`${server.proxyUrl}${path}`, options).catch(String);
    if (typeof answer === 'string') return answer;
    watch.add(`answer of ${path}`, JSON.stringify([...answer.headers]));
    watch.add(`answer of ${path}`, await answer.text().catch(String));
    return answer.headers.get('keyferry-error') ?? String(answer.status);
  };
  const outcomes: Record<string, string> = {};
  for (const name of Object.keys(origins)) outcomes[name] = await ask(`/${name}/x`);
  expect(outcomes).toMatchObject({
    good: '200',
    closed: 'upstream_unreachable',
    silent: 'upstream_timeout',
    garbage: 'upstream_protocol_error',
    reset: 'upstream_protocol_error',
    untrusted: expect.stringMatching(/^upstream_/),
    cut: expect.stringMatching(/cut|aborted|ECONNRESET/),
  });
  for (const suffix of ['-path', '-hmac', '-aws', '-limited', '-limited']) {
    for (const name of Object.keys(origins))
      outcomes[name + suffix] = await ask(`/${name}${suffix}/x`);
  }
  for (const name of Object.keys(origins)) {
    outcomes[`${name}-body`] = await post(`/${name}-body/x`, '{"deep":{"other":1}}');
    await post(`/${name}-body/x`, '{"deep":');
  }
  expect(outcomes).toMatchObject({
    echo: '200',
    'good-path': '200',
    'good-body': '200',
    'good-hmac': '200',
    'good-aws': '200',
    'good-limited': 'rate_limited',
    'closed-path': 'upstream_unreachable',
    'garbage-body': 'upstream_protocol_error',
    'silent-aws': 'upstream_timeout',
  });
  expect(await ask('/echo-block/x')).toBe('echo_blocked');
  expect(await ask('/nowhere')).toBe('route_not_found');
  expect(await ask('/good//x')).toBe('request_rejected');
  // The scenario is worth something only if the value was really there.
  const arrived = new CanaryWatch();
  arrived.watch('value', value);
  arrived.add('upstream', seen());
  expect(arrived.findings().join(' ')).toMatch(/base64/);
  expect(seen()).toContain('placed=v%22');
  expect(seen()).toContain('/of/v%22');
  expect(seen().toLowerCase()).toContain('x-signature');
  expect(seen()).toContain('AWS4-HMAC-SHA256');

  // The life of versions.
  expect(await call('POST', `${versions('key')}/2/activate`)).toBe(200);
  expect(await ask('/good/x')).toBe('200');
  expect(await call('POST', '/v1/secrets/key/environments/production/rollback')).toBe(200);
  expect(await call('POST', `${versions('doomed')}/2/activate`)).toBe(200);
  expect(await call('DELETE', `${versions('doomed')}/1?force=true`, { reason: 'leaked' })).toBe(
    200,
  );

  // Everything that can be read or taken out.
  for (const path of [
    '/v1/secrets',
    '/v1/secrets/key',
    versions('key'),
    `${versions('key')}/1`,
    '/v1/routes',
    '/v1/routes/revisions',
    '/v1/clients',
    '/v1/admins',
    '/v1/audit?limit=1000',
    '/v1/audit/verify',
    '/v1/status',
    '/v1/environments',
    '/metrics',
    '/readyz',
    '/v1/openapi.json',
    '/docs',
    `/v1/nothing/${'x'.repeat(10)}`,
  ]) {
    await call('GET', path);
  }
  for (const argv of [
    ['status'],
    ['status', '--json'],
    ['secrets', 'list'],
    ['secrets', 'show', 'key', '--json'],
    ['versions', 'list', 'key', '--environment', 'production'],
    ['routes', 'show'],
    ['audit', 'list', '--json'],
    ['doctor'],
    ['doctor', '--json'],
    ['backup', join(dataDir, 'backup-file')],
  ]) {
    expect(await run(argv), argv.join(' ')).not.toBeNull();
  }
  watch.addFolder(dataDir);

  // A crash in the middle of it, and what the next start finds.
  const working = Promise.all(
    Array.from({ length: 20 }, () =>
      server.call('POST', versions('key'), { value }).catch(() => undefined),
    ),
  );
  await wait(30);
  await server.kill();
  await working;
  watch.addFolder(dataDir);
  server = await serve('the second server');
  expect(await ask('/good/x')).toBe('200');
  await call('GET', '/v1/audit?limit=1000');
  await server.stop();
  watch.addFolder(dataDir);

  // What Node reports of a process with requests under way, and of one that a mistake ends.
  server = await serve('the third server');
  const underWay = ['/silent/x', '/echo/x', '/garbage/x', '/silent-path/x'].map(ask);
  const written = (): number =>
    readdirSync(scratch).filter((name) => name.startsWith('report.')).length;
  process.kill(server.pid, 'SIGUSR2');
  await vi.waitUntil(() => written() === 1, { timeout: PATIENCE_MS });
  await Promise.all(underWay);
  process.kill(server.pid, 'SIGWINCH');
  const crashed = await server.finished;
  expect(crashed.exitCode).not.toBe(0);
  expect(crashed.stderr).toContain('a mistake');
  expect(written()).toBe(2);
  watch.addFolder(dataDir);

  // The folder at rest: rekeyed, restored elsewhere, inspected.
  const local = async (
    argv: readonly string[],
    folder: string,
    input = '',
  ): Promise<number | null> => {
    const command = await runKeyferry([...argv, '--data-dir', folder], { environment, input });
    watch.add(`output of ${argv[0]} at rest`, command.stdout + command.stderr);
    return command.exitCode;
  };
  expect(await local(['doctor'], dataDir)).not.toBeNull();
  const restored = temporaryDataDir();
  writeFileSync(join(restored, 'master.key'), readFileSync(join(dataDir, 'master.key')), {
    mode: 0o600,
  });
  expect(await local(['restore', join(dataDir, 'backup-file')], restored)).toBe(0);
  watch.addFolder(restored);
  expect(await local(['accept-rows', '--yes'], dataDir)).toBe(0);
  expect(await local(['admins', 'recover'], dataDir)).toBe(0);
  await local(['rekey'], dataDir);
  watch.addFolder(dataDir);

  await vi.waitUntil(() => watch.places.includes('output of the third server'), PATIENCE_MS);
  expect(watch.places.length).toBeGreaterThan(100);
  expect(watch.bytes).toBeGreaterThan(1_000_000);
  expect(watch.places.some((place) => place.endsWith('keyferry.db-wal'))).toBe(true);
  expect(watch.places.some((place) => place.endsWith('backup-file'))).toBe(true);
  // Both servers sent traces: the second one also at its stop.
  expect(receiver.spans.length).toBeGreaterThan(10);
  watch.add('traces', receiver.text);
  expect(watch.findings()).toEqual([]);
  watch.add('planted', Buffer.from(`..${value}`).toString('base64'));
  expect(watch.findings()).not.toEqual([]);
});
