import { expect, test } from 'vitest';
import { rawClient, requestHead } from '../support/raw-client.js';
import { eventually, startRawUpstream } from '../support/raw-upstream.js';
import { shareProxyBefore } from '../support/start-proxy.js';

const proxyBefore = shareProxyBefore();

const TIMEOUTS = { timeouts: { connectMs: 2000, headersMs: 2000, idleMs: 2000 } };
const FORGED = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged';
const ok = (...lines: string[]): string => `${['HTTP/1.1 200 OK', ...lines].join('\r\n')}\r\n\r\n`;
const long = 'x'.repeat(20_000);

/** Responses whose framing is broken in their head. */
const REFUSED: Readonly<Record<string, string>> = {
  'two lengths that differ': `${ok('Content-Length: 2', 'Content-Length: 3')}okk`,
  'two lengths that agree': `${ok('Content-Length: 2', 'content-length: 2')}ok`,
  'a list of lengths': `${ok('Content-Length: 2, 2')}ok`,
  'a signed length': `${ok('Content-Length: +2')}ok`,
  'a negative length': `${ok('Content-Length: -2')}ok`,
  'a hexadecimal length': `${ok('Content-Length: 0x2')}ok`,
  'a length with a fraction': `${ok('Content-Length: 2.0')}ok`,
  'a length beyond 64 bits': `${ok('Content-Length: 18446744073709551618')}ok`,
  'no number for a length': `${ok('Content-Length: ')}ok`,
  'length, then chunks': `${ok('Content-Length: 2', 'Transfer-Encoding: chunked')}2\r\nok\r\n0\r\n\r\n`,
  'chunks, then length': `${ok('Transfer-Encoding: chunked', 'Content-Length: 2')}2\r\nok\r\n0\r\n\r\n`,
  'chunked twice': `${ok('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked')}2\r\nok\r\n0\r\n\r\n`,
  'chunked, chunked': `${ok('Transfer-Encoding: chunked, chunked')}2\r\nok\r\n0\r\n\r\n`,
  'gzip, chunked': `${ok('Transfer-Encoding: gzip, chunked')}2\r\nok\r\n0\r\n\r\n`,
  'chunked, gzip': `${ok('Transfer-Encoding: chunked, gzip')}2\r\nok\r\n0\r\n\r\n`,
  identity: `${ok('Transfer-Encoding: identity', 'Content-Length: 2')}ok`,
  'an obfuscated chunked': `${ok('Transfer-Encoding: \x0bchunked')}2\r\nok\r\n0\r\n\r\n`,
  'xchunked and a length': `${ok('Transfer-Encoding: xchunked', 'Content-Length: 2')}ok`,
  'a folded length': `${ok('Content-Length: 2', ' 0')}ok`,
  'a folded header': `${ok('X-A: b', ' c', 'Content-Length: 2')}ok`,
  'a folded first header': `${ok(' X-A: b', 'Content-Length: 2')}ok`,
  'bare LF within the head': `HTTP/1.1 200 OK\r\nX-A: b\nContent-Length: 2\r\n\r\nok`,
  'bare LF throughout': 'HTTP/1.1 200 OK\nContent-Length: 2\n\nok',
  'bare LF after the status line': 'HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\nok',
  'bare LF for the empty line': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\nok',
  'bare CR in a header': `${ok('X-A: b\rX-Injected: c', 'Content-Length: 2')}ok`,
  'bare CR for the empty line': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\rok',
  'NUL in a header': `${ok('X-A: b\0c', 'Content-Length: 2')}ok`,
  'a control in a header': `${ok('X-A: b\x08c', 'Content-Length: 2')}ok`,
  'a space before the colon': `${ok('Content-Length : 2')}ok`,
  'a space within a name': `${ok('Content Length: 2')}ok`,
  'an empty name': `${ok(': b', 'Content-Length: 2')}ok`,
  'a line without a colon': `${ok('nonsense', 'Content-Length: 2')}ok`,
  'a head that is too long': `${ok(`X-A: ${long}`, 'Content-Length: 2')}ok`,
  'a status of two digits': 'HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nok',
  'a status of four digits': 'HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\nok',
  'a status below 100': 'HTTP/1.1 099 OK\r\nContent-Length: 2\r\n\r\nok',
  'no status': 'HTTP/1.1 OK\r\nContent-Length: 2\r\n\r\nok',
  'NUL in the reason': 'HTTP/1.1 200 O\0K\r\nContent-Length: 2\r\n\r\nok',
  'HTTP/0.9': 'ok',
  'HTTP/1.2': 'HTTP/1.2 200 OK\r\nContent-Length: 2\r\n\r\nok',
  'HTTP/3.0': 'HTTP/3.0 200 OK\r\nContent-Length: 2\r\n\r\nok',
  'http in lower case': 'http/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  'interim responses without end':
    'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'.repeat(1001) + FORGED,
  'an interim response with a body': `HTTP/1.1 102 Processing\r\nContent-Length: 2\r\n\r\nok${FORGED}`,
  '100 that nobody asked for': `HTTP/1.1 100 Continue\r\n\r\n${FORGED}`,
  '101 that nobody asked for': `HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n${FORGED}`,
};

/** Responses that break after their head: what was sent is cut, and nothing of it becomes another's. */
const CHUNKED = ok('Transfer-Encoding: chunked');
const CUT: Readonly<Record<string, string>> = {
  'no chunk size': `${CHUNKED}zz\r\nok\r\n`,
  'an empty chunk size': `${CHUNKED}\r\nok\r\n`,
  'a signed chunk size': `${CHUNKED}+2\r\nok\r\n0\r\n\r\n`,
  'a chunk size in 0x': `${CHUNKED}0x2\r\nok\r\n0\r\n\r\n`,
  'a chunk size beyond 64 bits': `${CHUNKED}10000000000000002\r\nok\r\n0\r\n\r\n`,
  'a chunk size with a space': `${CHUNKED}2 \r\nok\r\n0\r\n\r\n`,
  'bare LF after a chunk size': `${CHUNKED}2\nok\r\n0\r\n\r\n`,
  'bare LF after a chunk extension': `${CHUNKED}2;a\nok\r\n0\r\n\r\n`,
  'a longer chunk than it said': `${CHUNKED}2\r\nokay\r\n0\r\n\r\n`,
  'bare LF after a chunk': `${CHUNKED}2\r\nok\n0\r\n\r\n`,
  'a folded trailer': `${CHUNKED}2\r\nok\r\n0\r\nX-A: b\r\n c\r\n\r\n`,
  'bare LF in the trailers': `${CHUNKED}2\r\nok\r\n0\r\nX-A: b\n\r\n`,
  'a trailer without a colon': `${CHUNKED}2\r\nok\r\n0\r\nnonsense\r\n\r\n`,
};

async function attempt(text: string, echoScrub: 'mask' | 'off' = 'off') {
  const upstream = await startRawUpstream(({ socket }, head) => {
    socket.write(head.includes('/sound') ? `${ok('Content-Length: 5')}sound` : text, 'latin1');
  });
  const rig = await proxyBefore(upstream.origin, { ...TIMEOUTS, echoScrub });
  const client = (await rawClient(rig.port)).send(requestHead('GET', '/api', rig.token));
  const answer = await client.response();
  await rig.ended(1);
  // Another request at once: it must not meet what was left.
  const other = (await rawClient(rig.port)).send(requestHead('GET', '/api/sound', rig.token));
  expect(await other.response()).toMatchObject({ status: 200, body: 'sound', complete: true });
  const [broken] = upstream.connections;
  await eventually(() => broken?.closed === true);
  expect(broken?.received).not.toContain('/sound');
  return { answer, client, decisions: rig.decisions };
}

test.each(Object.entries(REFUSED))('a response with %s is a 502', async (_what, text) => {
  const { answer, client, decisions } = await attempt(text, 'mask');
  expect(answer).toMatchObject({ status: 502, complete: true });
  expect(answer.headers['keyferry-error']).toBe('upstream_protocol_error');
  expect(decisions[0]?.code).toBe('upstream_protocol_error');
  expect(client.received).toBe('');
});

test.each(Object.entries(CUT))('a response with %s never ends cleanly', async (_what, text) => {
  const { answer, client, decisions } = await attempt(text);
  if (answer.status !== 502) expect(answer).toMatchObject({ status: 200, complete: false });
  expect(decisions[0]?.code).toBe('upstream_protocol_error');
  expect(client.received).not.toContain('forged');
});

test.each([
  ['after its length', `${ok('Content-Length: 2')}ok`],
  ['after its last chunk', `${CHUNKED}2\r\nok\r\n0\r\n\r\n`],
  ['after 204', 'HTTP/1.1 204 No Content\r\n\r\n'],
  ['after 304', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 6\r\n\r\n'],
])('a second response %s goes to nobody', async (_when, text) => {
  for (const more of [FORGED, 'junk', '\0', 'HTTP/1.1 200 OK\r\nX-']) {
    const { answer, client } = await attempt(text + more);
    expect([200, 204, 304, 502]).toContain(answer.status);
    expect(answer.body + client.received).not.toMatch(/forged|junk/);
  }
});

test.each(['HTTP/2.0', 'HTTP/0.9', 'RTSP/1.0', 'HTTP/1.0'])(
  'a response of %s is written anew, and its connection serves no other',
  async (version) => {
    const { answer } = await attempt(`${version} 200 OK\r\nContent-Length: 2\r\n\r\nok`);
    expect(answer).toMatchObject({ statusLine: 'HTTP/1.1 200 OK', body: 'ok', complete: true });
  },
);

test.each([
  ['latin1', 'Entit\xe9', ''],
  ['UTF-8', 'Entit\xc3\xa9', 'Entit\xe9'],
  ['beyond latin1', '\xe2\x82\xac', ''],
])('a reason in %s harms nothing', async (_what, reason, passed) => {
  const upstream = await startRawUpstream(({ socket }) => {
    socket.write(`HTTP/1.1 422 ${reason}\r\nContent-Length: 2\r\n\r\nok`, 'latin1');
  });
  const { port, token } = await proxyBefore(upstream.origin);
  const client = (await rawClient(port)).send(requestHead('GET', '/api', token));
  const { statusLine, body } = await client.response();
  expect([statusLine, body]).toEqual([`HTTP/1.1 422 ${passed}`, 'ok']);
});
