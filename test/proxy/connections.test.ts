import { expect, test } from 'vitest';
import { rawClient, requestHead } from '../support/raw-client.js';
import { eventually, startRawUpstream } from '../support/raw-upstream.js';
import { startProxyBefore } from '../support/start-proxy.js';
import { startUpstream } from '../support/start-upstream.js';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

test('both sides keep their connections', async () => {
  const upstream = await startUpstream((_request, response) => void response.end('ok'));
  const { port, token } = await startProxyBefore(upstream.origin);
  const client = await rawClient(port);
  for (let i = 0; i < 20; i++) {
    client.send(requestHead('GET', '/api', token));
    expect(await client.response()).toMatchObject({ status: 200 });
  }
  expect(upstream.connections).toBe(1);
});

test('connections that are kept collect no listeners and no timers', async () => {
  const upstream = await startUpstream((_request, response) => void response.end('ok'));
  const { port, token } = await startProxyBefore(upstream.origin);
  const warnings: Error[] = [];
  const onWarning = (warning: Error) => void warnings.push(warning);
  process.on('warning', onWarning);
  const client = await rawClient(port);
  const chunked = `${requestHead('POST', '/api', token, ['Transfer-Encoding: chunked'])}2\r\nhi\r\n0\r\n\r\n`;
  const kinds = [
    requestHead('GET', '/api', token),
    `${requestHead('POST', '/api', token, ['Content-Length: 2'])}hi`,
    chunked,
    `${requestHead('POST', '/none', token, ['Content-Length: 2'])}hi`,
    requestHead('GET', '/api', token, ['Connection: Upgrade', 'Upgrade: h2c']),
  ];
  for (let i = 0; i < 100; i++) {
    client.send(kinds[i % kinds.length] ?? '');
    expect((await client.response()).status).toBe(i % kinds.length === 3 ? 404 : 200);
  }
  process.off('warning', onWarning);
  expect(warnings).toEqual([]);
});

test('pipelined requests are answered in order, each with its own answer', async () => {
  const upstream = await startUpstream(({ target, body }, response) => {
    const delay = target.startsWith('/0') ? 60 : 0;
    setTimeout(() => response.end(`${target} ${body}`), delay);
  });
  const { port, token, decisions } = await startProxyBefore(upstream.origin);
  const client = await rawClient(port);
  let text = '';
  for (let i = 0; i < 10; i++) {
    text +=
      i % 2 === 0
        ? requestHead('GET', `/api/${i}`, token)
        : `${requestHead('POST', `/api/${i}`, token, ['Content-Length: 3'])}b-${i}`;
  }
  client.send(text);
  for (let i = 0; i < 10; i++) {
    const answer = await client.response();
    expect(answer.body).toBe(`/${i} ${i % 2 === 0 ? '' : `b-${i}`}`);
  }
  expect(decisions).toHaveLength(10);
});

test('pipelined large responses come whole', async () => {
  const body = 'x'.repeat(3_000_000);
  const upstream = await startUpstream(({ target }, response) => {
    setTimeout(() => response.end(body), target === '/0' ? 60 : 0);
  });
  const { port, token } = await startProxyBefore(upstream.origin);
  const client = await rawClient(port);
  client.send(
    ['/api/0', '/api/1', '/api/2'].map((path) => requestHead('GET', path, token)).join(''),
  );
  for (let i = 0; i < 3; i++) {
    const answer = await client.response();
    expect(answer.body.length).toBe(body.length);
  }
});

test('a client that leaves takes all its pipelined requests with it', async () => {
  // Large answers to requests in line stop for backpressure, and nothing would ever let them go on.
  const upstream = await startRawUpstream(({ socket }, head) => {
    if (head.includes('/0')) return;
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n${'x'.repeat(5_000_000)}`);
  });
  const { port, token, decisions, ended, proxy } = await startProxyBefore(upstream.origin);
  const client = await rawClient(port);
  client.send(
    ['/api/0', '/api/1', '/api/2'].map((path) => requestHead('GET', path, token)).join(''),
  );
  await eventually(
    () => upstream.connections.filter(({ received }) => received !== '').length === 3,
  );
  await new Promise((resolve) => setTimeout(resolve, 100));
  client.socket.destroy();
  await ended(3);
  expect(proxy.inFlight).toBe(0);
  expect(decisions).toHaveLength(3);
  await eventually(() =>
    upstream.connections.every(({ received, closed }) => received === '' || closed),
  );
});

test.each([
  ['before the response', ''],
  ['within the head', 'HTTP/1.1 200 OK\r\n'],
  ['within the body', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun '],
])('a client that leaves %s aborts the upstream request', async (_name, text) => {
  const upstream = await startRawUpstream(({ socket }) => {
    if (text !== '') socket.write(text);
  });
  const { port, token, decisions, ended, proxy } = await startProxyBefore(upstream.origin);
  for (const leave of ['destroy', 'resetAndDestroy'] as const) {
    const before = upstream.connections.length;
    const client = await rawClient(port);
    client.send(requestHead('GET', '/api', token));
    await eventually(
      () =>
        upstream.connections.slice(before).some(({ received }) => received !== '') ||
        upstream.connections.filter(({ received, closed }) => received !== '' && !closed).length >
          0,
    );
    if (text.endsWith('begun ')) await client.until((received) => received.includes('begun'));
    client.socket[leave]();
    await eventually(() =>
      upstream.connections.every(({ received, closed }) => received === '' || closed),
    );
  }
  await ended(2);
  expect(decisions.map(({ code }) => code)).toEqual([undefined, undefined]);
  expect(proxy.inFlight).toBe(0);
});

test('a client that leaves while its connection to the upstream is made sends nothing there', async () => {
  const upstream = await startRawUpstream(({ socket }) => void socket.write(OK));
  const answers: (() => void)[] = [];
  const { port, token, decisions, ended } = await startProxyBefore(
    upstream.origin,
    {
      allowPrivateNetwork: false,
      environments: { production: { upstream: 'http://slow.test' } },
    },
    {
      resolveAll: (_name, _options, callback) => {
        answers.push(() => callback(null, [{ address: '127.0.0.1', family: 4 }]));
      },
    },
  );
  const client = await rawClient(port);
  client.send(requestHead('GET', '/api', token));
  await eventually(() => answers.length === 1);
  client.socket.destroy();
  await ended(1);
  answers[0]?.();
  expect(decisions).toMatchObject([{ status: 0, code: undefined }]);
  expect(upstream.received).toBe('');
});

test('bytes after a request that are no HTTP do not disturb its answer', async () => {
  const upstream = await startUpstream((_request, response) => {
    setTimeout(() => response.end('ok'), 50);
  });
  const { port, token, decisions } = await startProxyBefore(upstream.origin);
  const client = await rawClient(port);
  client.send(`${requestHead('GET', '/api', token)}\x00\x01nonsense\r\n\r\n`);
  expect(await client.response()).toMatchObject({ status: 200, body: 'ok' });
  const second = await client.response();
  expect(second).toMatchObject({ status: 400 });
  expect(second.headers['keyferry-error']).toBe('request_rejected');
  await client.untilClosed();
  expect(decisions.map(({ status }) => status)).toEqual([200, 400]);
});

test('more requests under way than allowed are turned away at once', async () => {
  const upstream = await startRawUpstream(() => undefined);
  const { port, token } = await startProxyBefore(
    upstream.origin,
    {},
    { limits: { maxConcurrentRequests: 2 } },
  );
  const clients = await Promise.all([rawClient(port), rawClient(port), rawClient(port)]);
  clients[0]?.send(requestHead('GET', '/api', token));
  clients[1]?.send(requestHead('GET', '/api', token));
  await eventually(
    () => upstream.connections.filter(({ received }) => received !== '').length === 2,
  );
  const client = clients[2];
  client?.send(requestHead('GET', '/api', token));
  const refused = await client?.response();
  expect(refused).toMatchObject({ status: 503 });
  expect(refused?.headers).toMatchObject({ 'keyferry-error': 'overloaded', 'retry-after': '1' });
  for (const { socket } of upstream.connections) socket.write(OK);
  await clients[0]?.response();
  client?.send(requestHead('GET', '/none', token));
  expect(await client?.response()).toMatchObject({ status: 404 });
});
