import { expect, test } from 'vitest';
import { rawClient, requestHead } from '../support/raw-client.js';
import { apiRoute, REAL_KEY, startProxy, startProxyBefore } from '../support/start-proxy.js';
import { startUpstream } from '../support/start-upstream.js';

const TEMPLATES = [
  '<<secret:api_key>>',
  '{{secret:api_key}}',
  '{{api_key}}',
  '<<base64:api_key>>',
  '<<basic:api_key,api_key>>',
  '<<secret:api_key@1>>',
];

test('templates in path, query, headers and body arrive literally', async () => {
  const upstream = await startUpstream((_request, response) => void response.end('ok'));
  const { port, token } = await startProxyBefore(upstream.origin);
  const client = await rawClient(port);
  for (const template of TEMPLATES) {
    const lines = [
      `X-Text: ${template}`,
      `Cookie: a=${template}`,
      `Content-Length: ${template.length}`,
    ];
    client.send(requestHead('POST', `/api/${template}?q=${template}`, token, lines) + template);
    expect(await client.response()).toMatchObject({ status: 200 });
    const seen = upstream.seen.at(-1);
    expect(seen?.target).toBe(`/${template}?q=${template}`);
    expect(seen?.headers).toMatchObject({ 'x-text': template, cookie: `a=${template}` });
    expect(String(seen?.body)).toBe(template);
    expect(seen?.rawHeaders.filter((text) => text.includes(REAL_KEY))).toHaveLength(1);
  }
});

test('a template within a value is inert', async () => {
  const upstream = await startUpstream((_request, response) => void response.end('ok'));
  const rig = await startProxy();
  await rig.secret('other', { production: 'other-value' });
  await rig.secret('api_key', { production: '<<secret:other>>{{other}}' });
  await rig.routes([apiRoute(upstream.origin)]);
  const { token } = await rig.client('production');
  const client = (await rawClient(rig.port)).send(requestHead('GET', '/api', token));
  expect(await client.response()).toMatchObject({ status: 200 });
  expect(upstream.seen[0]?.headers.authorization).toBe('Bearer <<secret:other>>{{other}}');
});
