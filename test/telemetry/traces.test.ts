import { expect, onTestFinished, test, vi } from 'vitest';
import { type Decision, SecretValue } from '../../src/core/index.js';
import { startTraces } from '../../src/telemetry/index.js';
import { makeAuthority, makeCertificate } from '../support/make-certificate.js';
import { PATIENCE_MS } from '../support/patience.js';
import { runProgram } from '../support/run-program.js';
import { startOtlpReceiver } from '../support/start-otlp-receiver.js';

const decision: Decision = {
  requestId: 'r-1',
  method: 'GET',
  route: 'api',
  environment: 'production',
  client: 'app',
  status: 200,
  code: undefined,
  upstream: 'api.example.com:8443',
  secrets: ['key@3'],
  durationMs: 12.5,
};

async function start(endpoint: string, more: Partial<Parameters<typeof startTraces>[0]> = {}) {
  const warnings: unknown[] = [];
  const traces = await startTraces({
    endpoint,
    headers: undefined,
    ca: undefined,
    serviceName: 'keyferry',
    serviceVersion: '1.2.3',
    sampleRatio: 1,
    scheme: 'https',
    log: { warn: (event, facts) => warnings.push([event, facts]) },
    ...more,
  });
  onTestFinished(() => traces.close(0));
  return { traces, warnings };
}

test('a request is two spans, with names and numbers only', async () => {
  const receiver = await startOtlpReceiver();
  const { traces } = await start(`${receiver.url}/`);
  const before = Date.now();
  traces.decision(decision);
  traces.decision({ ...decision, method: 'BREW', upstream: undefined, status: 0 });
  const [server, client, other] = await receiver.received(3);
  expect(server).toMatchObject({
    parentSpanId: undefined,
    name: 'GET',
    kind: 2,
    status: 0,
    attributes: {
      'http.request.method': 'GET',
      'http.response.status_code': 200,
      'url.scheme': 'https',
      'keyferry.request_id': 'r-1',
      'keyferry.route': 'api',
      'keyferry.environment': 'production',
      'keyferry.client': 'app',
      'keyferry.secrets': ['key@3'],
    },
    resource: { 'service.name': 'keyferry', 'service.version': '1.2.3' },
  });
  expect((server?.endMs ?? 0) - (server?.startMs ?? 0)).toBeCloseTo(12.5, 2);
  expect(server?.endMs).toBeGreaterThanOrEqual(before);
  expect(client).toMatchObject({
    traceId: server?.traceId,
    parentSpanId: server?.spanId,
    kind: 3,
    attributes: {
      'http.request.method': 'GET',
      'server.address': 'api.example.com',
      'server.port': 8443,
      'http.response.status_code': 200,
    },
  });
  expect(other).toMatchObject({
    name: 'HTTP',
    attributes: { 'http.request.method': '_OTHER', 'error.type': 'client_left' },
  });
  expect(other?.attributes).not.toHaveProperty('http.response.status_code');
  expect(other?.traceId).not.toBe(server?.traceId);
  expect(receiver.text).not.toContain('BREW');
  // They are counted when the receiver's answer is read.
  await vi.waitFor(() => expect(traces.counts().exported).toBe(3), PATIENCE_MS);
  expect(traces.counts()).toEqual({ exported: 3, failed: 0, dropped: 0 });
});

test.each([
  ['Keyferry refused it', { code: 'client_unauthenticated', status: 401, upstream: undefined }, 0],
  ['the upstream refused it', { status: 404 }, 0, 2],
  ['the upstream failed', { status: 500 }, 2, 2],
  ['the upstream was silent', { code: 'upstream_timeout', status: 504 }, 2, 2],
  ['the response was cut', { code: 'upstream_protocol_error', status: 200 }, 2, 2],
] as const)('where %s, the spans say whose error it is', async (_what, facts, ...statuses) => {
  const receiver = await startOtlpReceiver();
  const { traces } = await start(receiver.url);
  traces.decision({ ...decision, ...facts });
  const spans = await receiver.received(statuses.length);
  expect(spans.map(({ status }) => status)).toEqual(statuses);
  const code = 'code' in facts ? facts.code : undefined;
  const own = code ?? (facts.status >= 500 ? `${facts.status}` : undefined);
  expect(spans.map(({ attributes }) => attributes['error.type'])).toEqual(
    statuses.length === 1 ? [own] : [own, code ?? `${facts.status}`],
  );
  const answered = code === undefined || facts.status < 400 ? facts.status : undefined;
  if (statuses.length === 2) {
    expect(spans[1]?.attributes['http.response.status_code']).toBe(answered);
  }
});

test('the share of traces that begin here is as asked for; continued ones go by their parent', async () => {
  const receiver = await startOtlpReceiver();
  const half = (await start(receiver.url, { sampleRatio: 0.5 })).traces;
  const none = (await start(receiver.url, { sampleRatio: 0 })).traces;
  const sampled = Array.from({ length: 2000 }, () => half.place(undefined).sampled);
  // 7 standard deviations around 1000.
  expect(Math.abs(sampled.filter(Boolean).length - 1000)).toBeLessThan(157);
  expect(none.place(undefined).sampled).toBe(false);
  const parent = (flags: string) => `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-${flags}`;
  expect(none.place(parent('01'))).toMatchObject({
    traceId: 'ab'.repeat(16),
    parentSpanId: 'cd'.repeat(8),
    sampled: true,
  });
  expect(half.place(parent('00')).sampled).toBe(false);
  none.decision(decision);
  await none.close(1000);
  expect(receiver.text).toBe('');
});

test('headers go with each batch, and variables of other tools do not', async () => {
  const variables = {
    OTEL_EXPORTER_OTLP_HEADERS: 'x-foreign=1',
    OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '1',
    OTEL_SDK_DISABLED: 'true',
  };
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
  onTestFinished(() => void vi.unstubAllEnvs());
  const receiver = await startOtlpReceiver();
  const headers = SecretValue.fromText('authorization=Bearer%20abc,x-scope=1');
  const { traces } = await start(`${receiver.url}/v1/traces`, { headers });
  traces.decision(decision);
  await receiver.received(2);
  expect(receiver.headers).toEqual([
    expect.objectContaining({ authorization: 'Bearer abc', 'x-scope': '1' }),
  ]);
  expect(receiver.headers[0]).not.toHaveProperty('x-foreign');
  expect(receiver.headers[0]).not.toHaveProperty('content-encoding');
  for (const [name, value] of Object.entries(variables)) expect(process.env[name]).toBe(value);
});

test('over TLS with authorities of its own, and with no others', async () => {
  const authority = await makeAuthority();
  const receiver = await startOtlpReceiver(
    await makeCertificate(authority, { ips: ['127.0.0.1'] }),
  );
  const trusting = await start(receiver.url, { ca: authority.cert });
  trusting.traces.decision(decision);
  await receiver.received(2);
  const strange = await start(receiver.url);
  strange.traces.decision(decision);
  await vi.waitFor(() => expect(strange.traces.counts().failed).toBe(2), PATIENCE_MS);
  expect(strange.warnings).toEqual([
    ['traces_not_exported', { exported: 0, failed: 2, dropped: 0, cause: expect.any(String) }],
  ]);
  expect(receiver.spans).toHaveLength(2);
});

test('a receiver that is down, fails or refuses is said once, and counted', async () => {
  const gone = await startOtlpReceiver();
  gone.close();
  const failing = await startOtlpReceiver();
  failing.answer = { status: 503, afterMs: 0 };
  const refusing = await startOtlpReceiver();
  refusing.answer = { status: 400, afterMs: 0 };
  const receivers = [gone, failing, refusing];
  const started = await Promise.all(receivers.map(({ url }) => start(url)));
  // What may be tried again takes its 5 seconds; what is refused is lost batch by batch.
  const requests = [1, 1, 600];
  for (const [index, { traces }] of started.entries()) {
    for (let i = 0; i < (requests[index] ?? 0); i++) traces.decision(decision);
  }
  await vi.waitFor(() => {
    expect(started.map(({ traces }) => traces.counts().failed)).toEqual([2, 2, 1200]);
  }, PATIENCE_MS);
  const causes = started.map(({ warnings }) => {
    expect(warnings).toHaveLength(1);
    return (warnings[0] as [string, { cause?: unknown }])[1].cause;
  });
  expect(causes[2]).toBe(400);
  // It is back: what comes from now on arrives.
  refusing.answer = { status: 200, afterMs: 0 };
  started[2]?.traces.decision(decision);
  await refusing.received(2);
});

test('a receiver that hangs fills a bounded queue, delays nobody, and holds up no stop', async () => {
  const receiver = await startOtlpReceiver();
  receiver.answer = { status: 200, afterMs: 60_000 };
  const { traces } = await start(receiver.url);
  for (let i = 0; i < 20_000; i++) traces.decision(decision);
  const { dropped } = traces.counts();
  expect(dropped).toBeGreaterThan(40_000 - 16_384 - 2 * 512);
  expect(dropped).toBeLessThanOrEqual(40_000 - 16_384);
  const before = performance.now();
  await traces.close(100);
  expect(performance.now() - before).toBeLessThan(3000);
  traces.decision(decision);
});

test('the libraries are loaded when traces start, and not before', async () => {
  const script = (more: string) => `
    import { createRequire } from 'node:module';
    const { startTraces } = await import('./dist/telemetry/index.js');
    await import('./dist/server.js');
    ${more}
    const loaded = Object.keys(createRequire(import.meta.url).cache);
    console.log(loaded.some((file) => /sdk-trace|otlp/.test(file)));
    process.exit();`;
  const options = `{ endpoint: 'http://127.0.0.1:1', sampleRatio: 1, serviceName: 'a' }`;
  const run = async (more: string) =>
    (await runProgram(process.execPath, ['--input-type=module', '-e', script(more)])).stdout;
  expect(await run('')).toBe('false\n');
  expect(await run(`await startTraces(${options});`)).toBe('true\n');
});
