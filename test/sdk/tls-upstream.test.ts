import OpenAI from 'openai';
import { describe, expect, it } from 'vitest';
import { makeAuthority, makeCertificate } from '../support/make-certificate.js';
import { startUpstream } from '../support/start-upstream.js';
import { REAL_KEY, startBehindKeyferry } from './start-behind-keyferry.js';
import { answerAsAnyApi } from './upstreams/any-api.js';
import { answerAsOpenAi, OPENAI_TEXT } from './upstreams/openai.js';

const hasKey = answerAsAnyApi(({ headers }) => headers.authorization === `Bearer ${REAL_KEY}`);
const LOOPBACK = { ips: ['127.0.0.1'] };

/** An upstream whose certificate is `names`'s, and one request to it through a route with `tls`. */
async function request(
  names: Parameters<typeof makeCertificate>[1],
  tlsFor: (ca: string) => { ca?: string; serverName?: string },
  validity?: Parameters<typeof makeCertificate>[2],
) {
  const authority = await makeAuthority();
  const certificate = await makeCertificate(authority, names, validity);
  const upstream = await startUpstream(hasKey, { tls: certificate });
  const serverNames: (string | false | null)[] = [];
  upstream.server.on('secureConnection', (socket) => serverNames.push(socket.servername));
  const { baseUrl, token } = await startBehindKeyferry(upstream, {
    route: {
      headers: { Authorization: 'Bearer <<secret:api_key>>' },
      tls: tlsFor(authority.cert),
    },
  });
  const headers = { Authorization: `Bearer ${token}` };
  const response = await fetch(`${baseUrl}/things`, { headers });
  const body = (await response.json()) as Record<string, unknown>;
  return { status: response.status, body, upstream, serverNames };
}

function expectNothingSent({ status, body, upstream }: Awaited<ReturnType<typeof request>>): void {
  expect(status).toBe(502);
  expect(body.code).toBe('upstream_unreachable');
  expect(upstream.connections).toBeGreaterThan(0);
  expect(upstream.seen).toHaveLength(0);
}

describe('an upstream on TLS with an authority of its own', () => {
  it('is reached where the route names that authority, also streamed by an SDK', async () => {
    const authority = await makeAuthority();
    const tls = await makeCertificate(authority, LOOPBACK);
    const upstream = await startUpstream(answerAsOpenAi(REAL_KEY), { tls });
    const { baseUrl, token } = await startBehindKeyferry(upstream, {
      route: {
        headers: { Authorization: 'Bearer <<secret:api_key>>' },
        tls: { ca: authority.cert },
      },
    });
    const openai = new OpenAI({ baseURL: `${baseUrl}/v1`, apiKey: token });
    const stream = await openai.chat.completions.create({
      model: 'gpt-test',
      messages: [{ role: 'user', content: 'Where do keys live?' }],
      stream: true,
    });
    let text = '';
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
    expect(text).toBe(OPENAI_TEXT);
  });

  it('is refused, and sent nothing, where the route names no authority', async () => {
    expectNothingSent(await request(LOOPBACK, () => ({})));
  });

  it('is refused, and sent nothing, where the route names another of the same name', async () => {
    const other = await makeAuthority();
    expectNothingSent(await request(LOOPBACK, () => ({ ca: other.cert })));
  });

  it('is refused, and sent nothing, when its certificate has expired', async () => {
    const validity = { notBeforeDate: new Date(0), notAfterDate: new Date(86_400_000) };
    expectNothingSent(await request(LOOPBACK, (ca) => ({ ca }), validity));
  });

  it('is refused, and sent nothing, when its certificate is for another name', async () => {
    expectNothingSent(await request({ dns: ['api.internal.example'] }, (ca) => ({ ca })));
  });

  it('is reached under the name that the route verifies and sends', async () => {
    const serverName = 'api.internal.example';
    const reached = await request({ dns: [serverName] }, (ca) => ({ ca, serverName }));
    expect(reached.status).toBe(200);
    expect(reached.serverNames).toEqual([serverName]);
    const { host } = new URL(reached.upstream.origin);
    expect(reached.upstream.seen[0]?.headers.host).toBe(host);
  });

  it('is refused, and sent nothing, when it is not what serverName says', async () => {
    const serverName = 'other.internal.example';
    expectNothingSent(await request(LOOPBACK, (ca) => ({ ca, serverName })));
  });
});
