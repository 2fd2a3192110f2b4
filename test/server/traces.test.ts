import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import type { Route, TraceMode } from '../../src/core/index.js';
import { formsOf } from '../support/canary.js';
import { startKeyferry, type TestKeyferry } from '../support/start-keyferry.js';
import { type OtlpReceiver, startOtlpReceiver } from '../support/start-otlp-receiver.js';
import { send } from '../support/steady-load.js';

const VALUE = 'sk_live_canary_4f9c2e7ab8d14c60';
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';
const PARENT = `00-${TRACE}-${SPAN}-01`;

interface Traced {
  readonly keyferry: TestKeyferry;
  readonly receiver: OtlpReceiver;
  readonly token: string;
  /** What the upstream got, in the order of requests. */
  readonly seen: readonly IncomingHttpHeaders[];
  url(path: string): string;
}

async function startTraced(
  flags: Readonly<Record<string, unknown>> = {},
  environment: Readonly<Record<string, string>> = {},
): Promise<Traced> {
  const receiver = await startOtlpReceiver();
  const seen: IncomingHttpHeaders[] = [];
  const upstream = createServer((request, response) => {
    seen.push(request.headers);
    response.setHeader('x-echo', request.headers.authorization ?? '');
    response.end(JSON.stringify(request.headers));
  });
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    upstream.close();
    upstream.closeAllConnections();
  });
  const keyferry = await startKeyferry(
    { '--otlp-endpoint': receiver.url, ...flags },
    undefined,
    environment,
  );
  await keyferry.secret('key', { production: VALUE });
  const origin = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  const route = (name: string, trace: TraceMode | undefined, more: Partial<Route> = {}): Route => ({
    name,
    match: { pathPrefix: `/${name}` },
    headers: { Authorization: 'Bearer <<secret:key>>' },
    query: { key: '<<secret:key>>' },
    allowPrivateNetwork: true,
    echoScrub: 'off',
    environments: { production: { upstream: origin } },
    ...(trace === undefined ? {} : { trace }),
    ...more,
  });
  await keyferry.routes([
    route('unsaid', undefined),
    route('own', 'own'),
    route('continue', 'continue'),
    route('propagate', 'propagate'),
    route('placed', 'propagate', { headers: { Traceparent: 'mine' } }),
    route('closed', undefined, {
      environments: { production: { upstream: 'http://127.0.0.1:1' } },
    }),
  ]);
  const token = await keyferry.client('production');
  return { keyferry, receiver, token, seen, url: (path) => `${keyferry.proxyUrl}${path}` };
}

test('a request through the server is traced, and nothing of what it carried is in the trace', async () => {
  const { receiver, token, url, keyferry } = await startTraced();
  const secretive = {
    path: 'path-8f14e45fceea',
    query: 'query-c9f0f895fb98',
    header: 'header-45c48cce2e2d',
    body: 'body-d3d9446802a4',
    state: 'state-6512bd43d9ca',
  };
  const answer = await fetch(url(`/unsaid/${secretive.path}?token=${secretive.query}`), {
    method: 'POST',
    headers: {
      'keyferry-token': token,
      'x-other': secretive.header,
      traceparent: PARENT,
      tracestate: `v=${secretive.state}`,
      baggage: `b=${secretive.state}`,
      'user-agent': secretive.header,
    },
    body: secretive.body,
  });
  expect(await answer.text()).toContain(VALUE);
  const refused = await fetch(url(`/unsaid/${secretive.path}`), {
    headers: { traceparent: PARENT },
  });
  expect(refused.status).toBe(401);
  const unreachable = await send(url('/closed'), { headers: { 'keyferry-token': token } });
  expect(unreachable.status).toBe(502);

  const spans = await receiver.received(5);
  const [server, client, alone, closed, toClosed] = spans;
  expect(server).toMatchObject({
    name: 'POST /unsaid',
    attributes: {
      'http.route': '/unsaid',
      'http.response.status_code': 200,
      'keyferry.request_id': answer.headers.get('x-request-id'),
      'keyferry.route': 'unsaid',
      'keyferry.environment': 'production',
      'keyferry.secrets': ['key@1'],
    },
    parentSpanId: undefined,
  });
  expect(client).toMatchObject({
    parentSpanId: server?.spanId,
    attributes: { 'server.address': '127.0.0.1' },
  });
  expect(client?.startMs).toBeGreaterThanOrEqual(server?.startMs ?? 0);
  expect(client?.endMs).toBe(server?.endMs);
  expect(alone).toMatchObject({
    name: 'GET',
    status: 0,
    attributes: { 'error.type': 'client_unauthenticated', 'http.response.status_code': 401 },
  });
  expect(closed).toMatchObject({ status: 2, attributes: { 'error.type': 'upstream_unreachable' } });
  expect(toClosed).toMatchObject({ status: 2, attributes: { 'server.port': 1 } });
  // Nobody's ids but our own.
  expect(spans.map(({ traceId }) => traceId)).not.toContain(TRACE);
  expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(5);

  const text = receiver.text;
  for (const part of [...Object.values(secretive), token, TRACE]) expect(text).not.toContain(part);
  for (const { name, bytes } of formsOf(VALUE)) {
    expect(Buffer.from(text).includes(bytes), name).toBe(false);
  }
  const metrics = await (await fetch(`${keyferry.adminUrl}/metrics`)).text();
  expect(metrics).toContain('keyferry_spans_total{outcome="exported"} 5');
  expect(metrics).toContain('keyferry_spans_total{outcome="dropped"} 0');
});

test('the route decides whether a trace goes on, and whether the upstream is told', async () => {
  const { receiver, token, url, seen } = await startTraced();
  let sent = 0;
  const ask = async (route: string, headers: Record<string, string> = {}) => {
    sent++;
    const own = { 'keyferry-token': token, 'x-request-id': `r-${sent}` };
    await send(url(`/${route}`), { headers: { ...own, ...headers } });
    return { id: `r-${sent}`, got: seen.at(-1) ?? {} };
  };
  const theirs = { traceparent: PARENT, tracestate: 'a=1' };
  const passed = [];
  for (const route of ['unsaid', 'own', 'continue']) passed.push(await ask(route, theirs));
  const fresh = await ask('continue');
  const told = await ask('propagate', theirs);
  const begun = await ask('propagate');
  const refused = [];
  for (const hostile of [
    '00-0-0-0',
    PARENT.toUpperCase(),
    `${PARENT}, ${PARENT}`,
    'x'.repeat(5000),
  ]) {
    refused.push(await ask('propagate', { traceparent: hostile, tracestate: 'a=1' }));
  }
  const placed = await ask('placed', theirs);
  await receiver.received(2 * sent);
  const spansOf = ({ id }: { readonly id: string }) => {
    const server = receiver.spans.find(
      ({ attributes }) => attributes['keyferry.request_id'] === id,
    );
    const client = receiver.spans.find(({ parentSpanId }) => parentSpanId === server?.spanId);
    expect(client?.traceId).toBe(server?.traceId);
    return { server, client };
  };

  // As without traces: the client's headers pass.
  for (const { got } of passed) expect(got).toMatchObject(theirs);
  expect(fresh.got).not.toHaveProperty('traceparent');
  const [unsaid, own, continued] = passed.map((asked) => spansOf(asked).server);
  for (const server of [unsaid, own]) {
    expect(server?.parentSpanId).toBeUndefined();
    expect(server?.traceId).not.toBe(TRACE);
  }
  expect(continued).toMatchObject({ traceId: TRACE, parentSpanId: SPAN });
  expect(spansOf(fresh).server?.parentSpanId).toBeUndefined();

  expect(spansOf(told).server).toMatchObject({ traceId: TRACE, parentSpanId: SPAN });
  expect(told.got).toMatchObject({
    traceparent: `00-${TRACE}-${spansOf(told).client?.spanId}-01`,
    tracestate: 'a=1',
  });
  const { server, client } = spansOf(begun);
  expect(begun.got.traceparent).toBe(`00-${server?.traceId}-${client?.spanId}-01`);
  for (const asked of refused) {
    expect(spansOf(asked).server?.parentSpanId).toBeUndefined();
    expect(asked.got.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    expect(asked.got.traceparent).not.toContain(TRACE);
    expect(asked.got).not.toHaveProperty('tracestate');
  }
  // What the route places is the operator's word.
  expect(placed.got.traceparent).toBe('mine');
});

test('a parent that is not sampled leaves no trace, and the upstream is told so', async () => {
  const { receiver, token, url, seen } = await startTraced({ '--trace-sample-ratio': '0' });
  const headers = { 'keyferry-token': token };
  await send(url('/propagate'), {
    headers: { ...headers, traceparent: `${PARENT.slice(0, -2)}00` },
  });
  expect(seen.at(-1)?.traceparent).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`));
  await send(url('/propagate'), { headers });
  expect(seen.at(-1)?.traceparent).toMatch(/-00$/);
  await send(url('/continue'), { headers: { ...headers, traceparent: PARENT } });
  const spans = await receiver.received(2);
  expect(spans.map(({ traceId }) => traceId)).toEqual([TRACE, TRACE]);
});

test('what waits is sent when the server stops, and a receiver that hangs does not hold it up', async () => {
  const flags = { '--drain-timeout-ms': '3000' };
  const good = await startTraced(flags);
  for (let i = 0; i < 20; i++) {
    await send(good.url('/own'), { headers: { 'keyferry-token': good.token } });
  }
  await good.keyferry.server.close();
  expect(good.receiver.spans).toHaveLength(40);

  const hanging = await startTraced({ '--drain-timeout-ms': '1500' });
  hanging.receiver.answer = { status: 200, afterMs: 60_000 };
  const answer = await send(hanging.url('/own'), { headers: { 'keyferry-token': hanging.token } });
  expect(answer.status).toBe(200);
  const before = performance.now();
  await hanging.keyferry.server.close();
  expect(performance.now() - before).toBeLessThan(6000);
});

test('headers for the receiver come from a variable', async () => {
  const { receiver, token, url } = await startTraced(
    { '--otlp-service-name': 'edge' },
    { KEYFERRY_OTLP_HEADERS: 'x-api-key=r3c31v3r' },
  );
  await send(url('/own'), { headers: { 'keyferry-token': token } });
  const [span] = await receiver.received(2);
  expect(receiver.headers[0]).toMatchObject({ 'x-api-key': 'r3c31v3r' });
  expect(span?.resource).toMatchObject({ 'service.name': 'edge' });
});
