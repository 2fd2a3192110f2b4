import { expect, test } from 'vitest';
import { rawClient } from '../support/raw-client.js';
import { REAL_KEY, startProxyBefore } from '../support/start-proxy.js';
import { startUpstream } from '../support/start-upstream.js';

const base64 = (text: string) => Buffer.from(text).toString('base64');

/** Each place in which a token is taken, and places in which it has no business, as head lines. */
const PLACES: Readonly<Record<string, (token: string) => [target: string, ...lines: string[]]>> = {
  'Keyferry-Token': (token) => ['/api', `Keyferry-Token: ${token}`],
  'Proxy-Authorization: Bearer': (token) => ['/api', `Proxy-Authorization: Bearer ${token}`],
  'a placed header, bare': (token) => ['/api', `X-Key: ${token}`],
  'a placed header, Bearer': (token) => ['/api', `Authorization: Bearer ${token}`],
  'a placed header, any scheme': (token) => ['/api', `authorization: Token  ${token}`],
  'a Basic user': (token) => ['/api', `Authorization: Basic ${base64(`${token}:`)}`],
  'a Basic password': (token) => ['/api', `Authorization: basic ${base64(`me:${token}`)}`],
  'a placed parameter': (token) => [`/api?key=${token}&a=b`],
  'an encoded placed parameter': (token) => [`/api?a=b&k%65y=${token.replace('_', '%5F')}`],
  'two places at once': (token) => [
    '/api',
    `Keyferry-Token: ${token}`,
    `Proxy-Authorization: Bearer ${token}`,
    `Authorization: Bearer ${token}`,
    `X-Key: ${token}`,
    `X-Other: my ${token}`,
    `Cookie: t=${token}`,
    `X-Request-Id: ${token}`,
  ],
};

const placed = {
  headers: { Authorization: 'Bearer <<secret:api_key>>', 'X-Key': '<<secret:api_key>>' },
  query: { key: '<<secret:api_key>>' },
};

test.each(Object.keys(PLACES))('a token in %s is taken, and stays here', async (place) => {
  const upstream = await startUpstream((_request, response) => void response.end('ok'));
  // A second environment places nothing: the token must not pass there either.
  const { port, token, ...rig } = await startProxyBefore(upstream.origin, {
    headers: {},
    environments: {
      production: { upstream: upstream.origin, ...placed },
      staging: { upstream: upstream.origin },
    },
  });
  const staging = await rig.client('staging');
  for (const [credential, environment] of [
    [token, 'production'],
    [staging.token, 'staging'],
  ] as const) {
    const [target = '', ...lines] = PLACES[place]?.(credential) ?? [];
    const client = await rawClient(port);
    client.send(`${[`GET ${target} HTTP/1.1`, 'Host: a', ...lines].join('\r\n')}\r\n\r\n`);
    const { status } = await client.response();
    const inUrl = target.includes('?');
    expect(status).toBe(environment === 'staging' && inUrl ? 400 : 200);
    expect(rig.decisions.at(-1)?.environment).toBe(environment);
  }
  const everything = upstream.seen
    .map(({ target, rawHeaders }) => [target, ...rawHeaders].join('\n'))
    .join('\n');
  for (const secret of [token, staging.token]) {
    expect(everything).not.toContain(secret.slice(4));
    expect(everything).not.toContain(base64(`${secret}:`).slice(8, 40));
    expect(everything).not.toContain(base64(`me:${secret}`).slice(8, 40));
  }
  expect(upstream.seen[0]?.headers.authorization).toBe(`Bearer ${REAL_KEY}`);
  expect(upstream.seen[1]?.headers.authorization).toBeUndefined();
});

test.each([
  ['the path', (token: string) => `/api/${token}/x`],
  ['the path, encoded', (token: string) => `/api/${token.replace('k', '%6b')}/x`],
  ['a parameter that the route does not place', (token: string) => `/api?other=${token}`],
  ['such a parameter, encoded', (token: string) => `/api?other=${token.replace('_', '%5f')}`],
])('a token in %s is refused with a hint', async (_name, target) => {
  const upstream = await startUpstream((_request, response) => void response.end('ok'));
  const { port, token } = await startProxyBefore(upstream.origin);
  const client = await rawClient(port);
  client.send(`GET ${target(token)} HTTP/1.1\r\nHost: a\r\nKeyferry-Token: ${token}\r\n\r\n`);
  const answer = await client.response();
  expect(answer.headers['keyferry-error']).toBe('request_rejected');
  expect(answer.body).toContain('Keyferry-Token');
  expect(answer.body).not.toContain(token);
  expect(upstream.connections).toBe(0);
});
