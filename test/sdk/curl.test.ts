import { describe, expect, it } from 'vitest';
import { isInstalled, runProgram } from '../support/run-program.js';
import { type SeenRequest, startUpstream } from '../support/start-upstream.js';
import { REAL_KEY, startBehindKeyferry } from './start-behind-keyferry.js';
import { answerAsAnyApi } from './upstreams/any-api.js';

const hasBearer = ({ headers }: SeenRequest): boolean =>
  headers.authorization === `Bearer ${REAL_KEY}`;

async function start() {
  const upstream = await startUpstream(answerAsAnyApi(hasBearer));
  const behind = await startBehindKeyferry(upstream);
  return { ...behind, upstream };
}

/** Runs curl without the user's own settings. */
async function curl(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runProgram('curl', ['-q', '-sS', ...args]);
  expect([code, stderr]).toEqual([0, '']);
  return stdout;
}

const STATUS = ['-o', '/dev/null', '-w', '%{http_code} %header{keyferry-error}'];

describe.skipIf(!isInstalled('curl'))('curl', () => {
  it.each([
    ['Authorization: Bearer', (token: string) => ['-H', `Authorization: Bearer ${token}`]],
    ['--oauth2-bearer', (token: string) => ['--oauth2-bearer', token]],
    ['-u TOKEN:', (token: string) => ['-u', `${token}:`]],
    ['-u user:TOKEN', (token: string) => ['-u', `user:${token}`]],
    ['Keyferry-Token', (token: string) => ['-H', `Keyferry-Token: ${token}`]],
    ['Proxy-Authorization', (token: string) => ['-H', `Proxy-Authorization: Bearer ${token}`]],
  ])('sends the token as %s', async (_where, flags) => {
    const { baseUrl, token, upstream } = await start();
    const answer = await curl(...flags(token), '-d', 'a=1', `${baseUrl}/things?x=1`);
    expect(JSON.parse(answer)).toEqual({
      method: 'POST',
      path: '/things',
      query: { x: '1' },
      bytes: 3,
    });
    const sent = upstream.seen[0]?.rawHeaders.join('\n') ?? '';
    expect(sent).not.toContain(token);
    expect(sent).not.toContain(Buffer.from(`${token}:`).toString('base64'));
    expect(sent.toLowerCase()).not.toMatch(/proxy-authorization|keyferry/);
  });

  it('is told 401 with a challenge without a token, and connects to nothing', async () => {
    const { baseUrl, upstream } = await start();
    const answer = await curl('-i', '-u', 'kfc_unknown:', `${baseUrl}/things`);
    expect(answer).toMatch(/^HTTP\/1\.1 401 /);
    expect(answer.toLowerCase()).toContain('www-authenticate: basic realm="keyferry"');
    expect(answer).toContain('"code":"client_unauthenticated"');
    expect(upstream.connections).toBe(0);
  });

  it('offers HTTP/2 over clear text and goes on with HTTP/1.1', async () => {
    const { baseUrl, token, upstream } = await start();
    const answer = await curl(
      '--http2',
      '-H',
      `Authorization: Bearer ${token}`,
      '-w',
      '\n%{http_version}',
      `${baseUrl}/things`,
    );
    const [body = '', version] = answer.split('\n');
    expect(version).toBe('1.1');
    expect(JSON.parse(body)).toMatchObject({ path: '/things' });
    expect(upstream.seen[0]?.rawHeaders.join('\n').toLowerCase()).not.toMatch(/upgrade|http2/);
  });

  it('waits for 100 Continue before a large body, and does not send it when refused', async () => {
    const { baseUrl, token } = await start();
    const input = 'x'.repeat(2_000_000);
    const flags = ['-q', '-sS', '-H', 'Expect: 100-continue', '--expect100-timeout', '20'];
    const send = (key: string) =>
      runProgram(
        'curl',
        [...flags, '-H', `Authorization: Bearer ${key}`, '-T', '-', '-v', `${baseUrl}/upload`],
        { input },
      );
    const taken = await send(token);
    expect(JSON.parse(taken.stdout)).toMatchObject({ method: 'PUT', bytes: input.length });
    expect(taken.stderr).toContain('< HTTP/1.1 100 Continue');
    const refused = await send('wrong');
    expect(refused.stdout).toContain('client_unauthenticated');
    expect(refused.stderr).not.toContain('100 Continue');
  });

  it('gets compressed answers, redirects unfollowed, and every method', async () => {
    const { baseUrl, token, upstream } = await start();
    const auth = ['-H', `Authorization: Bearer ${token}`];
    const inflated = await curl('--compressed', ...auth, `${baseUrl}/gzip`);
    expect(JSON.parse(inflated).text).toHaveLength(2000);
    expect(await curl(...STATUS, ...auth, `${baseUrl}/redirect`)).toBe('302 ');
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PURGE']) {
      expect(await curl(...STATUS, ...auth, '-X', method, `${baseUrl}/things`)).toBe('200 ');
    }
    expect(await curl(...STATUS, '-I', ...auth, `${baseUrl}/things`)).toBe('200 ');
    const refused = await curl(...STATUS, '-X', 'TRACE', ...auth, `${baseUrl}/things`);
    expect(refused).toBe('405 method_not_allowed');
    expect(upstream.seen).toHaveLength(10);
  });

  it('speaks HTTP/1.0', async () => {
    const { baseUrl, token } = await start();
    const answer = await curl('-0', '-i', '-H', `Authorization: Bearer ${token}`, `${baseUrl}/a`);
    expect(answer).toMatch(/^HTTP\/1\.[01] 200 /);
    expect(answer).toContain('"path":"/a"');
  });
});
