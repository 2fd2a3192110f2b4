import axios, { AxiosError } from 'axios';
import got, { HTTPError } from 'got';
import { describe, expect, it } from 'vitest';
import { type SeenRequest, startUpstream } from '../support/start-upstream.js';
import { REAL_KEY, startBehindKeyferry } from './start-behind-keyferry.js';
import { answerAsAnyApi } from './upstreams/any-api.js';

const hasBearer = ({ headers }: SeenRequest): boolean =>
  headers.authorization === `Bearer ${REAL_KEY}`;

async function start() {
  const upstream = await startUpstream(answerAsAnyApi(hasBearer));
  const behind = await startBehindKeyferry(upstream);
  return { ...behind, upstream, headers: { Authorization: `Bearer ${behind.token}` } };
}

describe('axios', () => {
  it('sends JSON, and inflates a compressed answer', async () => {
    const { baseUrl, headers, upstream } = await start();
    const api = axios.create({ baseURL: baseUrl, headers });
    const { data } = await api.post('/things', { a: 1 }, { params: { q: 'ä b' } });
    expect(data).toEqual({ method: 'POST', path: '/things', query: { q: 'ä b' }, bytes: 7 });
    const inflated = await api.get('/gzip');
    expect(inflated.data.text).toHaveLength(2000);
    expect(upstream.seen[1]?.headers['accept-encoding']).toContain('gzip');
  });

  it("throws its own error for the API's error, and for Keyferry's", async () => {
    const { baseUrl, headers } = await start();
    const own = await axios.get(`${baseUrl}/teapot`, { headers }).catch((error: unknown) => error);
    expect(own).toBeInstanceOf(AxiosError);
    expect(own).toMatchObject({
      response: {
        status: 418,
        data: { error: 'teapot' },
        headers: { 'x-reason': 'short and stout', 'set-cookie': ['a=1', 'b=2'] },
      },
    });
    const refused = axios.get(`${baseUrl}/things`, { headers: { Authorization: 'Bearer wrong' } });
    await expect(refused).rejects.toMatchObject({
      response: {
        status: 401,
        headers: { 'keyferry-error': 'client_unauthenticated' },
        data: { code: 'client_unauthenticated' },
      },
    });
  });

  it('takes the token as the password of a Basic credential', async () => {
    const upstream = await startUpstream(
      answerAsAnyApi(
        ({ headers }) =>
          headers.authorization === `Basic ${Buffer.from(`svc:${REAL_KEY}`).toString('base64')}`,
      ),
    );
    const { baseUrl, token } = await startBehindKeyferry(upstream, {
      route: { headers: { Authorization: '<<basic:api_user,api_key>>' } },
      secrets: { api_user: 'svc' },
    });
    const auth = { username: 'anyone', password: token };
    const { data } = await axios.get(`${baseUrl}/things`, { auth });
    expect(data.path).toBe('/things');
  });
});

describe('got', () => {
  it('sends JSON and gets JSON', async () => {
    const { baseUrl, headers } = await start();
    const api = got.extend({ prefixUrl: baseUrl, headers });
    const answer = await api.put('things/1', { json: { a: 1 } }).json();
    expect(answer).toEqual({ method: 'PUT', path: '/things/1', query: {}, bytes: 7 });
  });

  it("retries after the API's own 503, and counts it", async () => {
    const { baseUrl, headers, upstream } = await start();
    upstream.planned.push({ status: 503, headers: { 'retry-after': '0' }, body: 'later' });
    const { retryCount, statusCode } = await got(`${baseUrl}/things`, { headers });
    expect({ retryCount, statusCode }).toEqual({ retryCount: 1, statusCode: 200 });
    expect(upstream.seen).toHaveLength(2);
  });

  it('streams a body up and an answer down', async () => {
    const { baseUrl, headers, upstream } = await start();
    const stream = got.stream.post(`${baseUrl}/things`, { headers });
    for (let i = 0; i < 20; i++) stream.write(Buffer.alloc(10_000, i));
    stream.end();
    const pieces: Buffer[] = [];
    for await (const piece of stream) pieces.push(piece as Buffer);
    expect(JSON.parse(Buffer.concat(pieces).toString()).bytes).toBe(200_000);
    expect(upstream.seen[0]?.headers['transfer-encoding']).toBe('chunked');
  });

  it("throws its HTTPError for Keyferry's 401", async () => {
    const { baseUrl, upstream } = await start();
    const refused = await got(`${baseUrl}/things`).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(HTTPError);
    expect(refused).toMatchObject({ response: { statusCode: 401 } });
    expect(upstream.connections).toBe(0);
  });
});

describe("Node's fetch", () => {
  it('sends a body of known and of unknown length', async () => {
    const { baseUrl, headers } = await start();
    const known = await fetch(`${baseUrl}/a?x=1`, { method: 'PATCH', headers, body: 'abc' });
    expect(await known.json()).toEqual({
      method: 'PATCH',
      path: '/a',
      query: { x: '1' },
      bytes: 3,
    });
    const body = new Blob(['abc', 'def']).stream();
    const unknown = await fetch(`${baseUrl}/a`, { method: 'POST', headers, body, duplex: 'half' });
    expect(await unknown.json()).toMatchObject({ bytes: 6 });
  });

  it('gets an empty answer, a HEAD, and a redirect that it may follow itself', async () => {
    const { baseUrl, headers, upstream } = await start();
    const empty = await fetch(`${baseUrl}/empty`, { method: 'DELETE', headers });
    expect([empty.status, await empty.text()]).toEqual([204, '']);
    const head = await fetch(`${baseUrl}/things`, { method: 'HEAD', headers });
    expect(Number(head.headers.get('content-length'))).toBeGreaterThan(0);
    const redirect = await fetch(`${baseUrl}/redirect`, { headers, redirect: 'manual' });
    expect([redirect.status, redirect.headers.get('location')]).toEqual([302, '/elsewhere']);
    expect(upstream.seen.map(({ target }) => target)).toEqual(['/empty', '/things', '/redirect']);
  });

  it('takes the token in Keyferry-Token, whatever credential the request holds beside it', async () => {
    const { baseUrl, token, upstream } = await start();
    const response = await fetch(`${baseUrl}/things`, {
      headers: { 'Keyferry-Token': token, Authorization: 'Bearer left-over' },
    });
    expect(response.status).toBe(200);
    const sent = upstream.seen[0]?.rawHeaders.join('\n') ?? '';
    expect(sent).not.toContain(token);
    expect(sent).not.toContain('left-over');
    expect(sent.toLowerCase()).not.toContain('keyferry');
  });

  it('takes the token in the query parameter that the route places, as map and search APIs use', async () => {
    const upstream = await startUpstream(
      answerAsAnyApi(({ url }) => url.searchParams.getAll('key').join() === REAL_KEY),
    );
    const { baseUrl, token } = await startBehindKeyferry(upstream, {
      route: { query: { key: '<<secret:api_key>>' } },
    });
    const response = await fetch(`${baseUrl}/maps/geocode?address=A%20B&key=${token}&lang=de`);
    expect(await response.json()).toMatchObject({ query: { address: 'A B', lang: 'de' } });
    expect(upstream.seen[0]?.target).toBe(`/maps/geocode?address=A%20B&lang=de&key=${REAL_KEY}`);
    const refused = await fetch(`${baseUrl}/maps/geocode?address=A&key=AIza-not-a-client-token`);
    expect(refused.status).toBe(401);
    expect(upstream.seen).toHaveLength(1);
  });
});
