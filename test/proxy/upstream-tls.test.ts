import { expect, test } from 'vitest';
import { makeAuthority, makeCertificate } from '../support/make-certificate.js';
import { rawClient, requestHead } from '../support/raw-client.js';
import { startProxyBefore } from '../support/start-proxy.js';
import { startUpstream } from '../support/start-upstream.js';

const DAY_MS = 86_400_000;

async function startTls(
  names: Parameters<typeof makeCertificate>[1],
  validity: Parameters<typeof makeCertificate>[2] = {},
) {
  const authority = await makeAuthority();
  const tls = await makeCertificate(authority, names, validity);
  const upstream = await startUpstream((_request, response) => void response.end('ok'), { tls });
  return { upstream, ca: authority.cert };
}

async function ask(origin: string, tls: { ca?: string; serverName?: string }) {
  const { port, token } = await startProxyBefore(origin, { tls });
  const client = (await rawClient(port)).send(requestHead('GET', '/api', token));
  return client.response();
}

test('an upstream is taken by its own authority, and by the name it is to have', async () => {
  const byAddress = await startTls({ ips: ['127.0.0.1'] });
  expect(await ask(byAddress.upstream.origin, { ca: byAddress.ca })).toMatchObject({ status: 200 });
  const byName = await startTls({ dns: ['inside.test'] });
  expect(
    await ask(byName.upstream.origin, { ca: byName.ca, serverName: 'inside.test' }),
  ).toMatchObject({ status: 200 });
  // An origin with a name of its own, which the Host header then holds.
  const origin = `https://localhost:${byName.upstream.port}`;
  const answer = await ask(origin, { ca: byName.ca, serverName: 'inside.test' });
  expect(answer).toMatchObject({ status: 200 });
  expect(byName.upstream.seen.at(-1)?.headers.host).toBe(`localhost:${byName.upstream.port}`);
});

test('a certificate that does not fit is refused before the request is sent', async () => {
  const good = await startTls({ ips: ['127.0.0.1'] });
  const named = await startTls({ dns: ['other.test'] });
  const old = await startTls(
    { ips: ['127.0.0.1'] },
    {
      notBeforeDate: new Date(Date.now() - 2 * DAY_MS),
      notAfterDate: new Date(Date.now() - DAY_MS),
    },
  );
  const cases = [
    [good.upstream, {}, /SELF_SIGNED|UNABLE_TO/],
    [good.upstream, { ca: named.ca }, /SELF_SIGNED|UNABLE_TO|SIGNATURE/],
    [named.upstream, { ca: named.ca }, /ALTNAME/],
    [old.upstream, { ca: old.ca }, /EXPIRED/],
  ] as const;
  for (const [upstream, tls, why] of cases) {
    const answer = await ask(upstream.origin, tls);
    expect(answer).toMatchObject({ status: 502 });
    expect(answer.headers['keyferry-error']).toBe('upstream_unreachable');
    expect(answer.body).toMatch(why);
    expect(upstream.seen).toEqual([]);
  }
});

test('an upstream that speaks no TLS is unreachable', async () => {
  const upstream = await startUpstream((_request, response) => void response.end('ok'));
  const answer = await ask(upstream.origin.replace('http:', 'https:'), {});
  expect(answer).toMatchObject({ status: 502 });
  expect(answer.headers['keyferry-error']).toBe('upstream_unreachable');
  expect(upstream.seen).toEqual([]);
});
