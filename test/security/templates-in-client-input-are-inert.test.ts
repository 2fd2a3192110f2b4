import { createHmac } from 'node:crypto';
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

test('templates in what a route changes and signs arrive literally too', async () => {
  const upstream = await startUpstream((_request, response) => void response.end('ok'));
  const { port, token } = await startProxyBefore(upstream.origin, {
    headers: {},
    path: '/key-<<secret:api_key>>',
    body: {
      json: { '/key': 'J:<<secret:api_key>>' },
      form: { key: 'F:<<secret:api_key>>' },
    },
    sign: {
      hmac: {
        key: 'the key: <<secret:api_key>>',
        canonical: '<<target>>|<<header:x-text>>|<<body>>',
        header: 'X-Signature',
      },
    },
  });
  const client = await rawClient(port);
  const names = ['<<method>>', '<<body>>', '<<bodyHash>>', '<<header:x-text>>', '<<nonce>>'];
  for (const template of [...TEMPLATES, ...names]) {
    const bodies = [
      ['application/json', `{"t":"${template}"}`, `{"t":"${template}","key":"J:${REAL_KEY}"}`],
      ['application/x-www-form-urlencoded', `t=${template}`, `t=${template}&key=F%3A${REAL_KEY}`],
    ] as const;
    for (const [type, body, expected] of bodies) {
      const lines = [`Content-Type: ${type}`, `X-Text: ${template}`];
      const length = `Content-Length: ${body.length}`;
      client.send(requestHead('POST', `/api/${template}`, token, [...lines, length]) + body);
      expect(await client.response()).toMatchObject({ status: 200 });
      const seen = upstream.seen.at(-1);
      expect(seen?.target).toBe(`/key-${REAL_KEY}/${template}`);
      expect(String(seen?.body)).toBe(expected);
      const text = `/key-${REAL_KEY}/${template}|${template}|${expected}`;
      const mac = createHmac('sha256', `the key: ${REAL_KEY}`).update(text).digest('hex');
      expect(seen?.headers['x-signature']).toBe(mac);
    }
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
  const sign = {
    hmac: { key: '<<secret:api_key>>', canonical: '<<secret:api_key>>', header: 'X-Signature' },
  };
  const body = { json: { '/a': '<<secret:api_key>>' }, form: { a: '<<secret:api_key>>' } };
  const path = '/<<secret:api_key>>';
  await rig.routes([apiRoute(upstream.origin, { headers: {}, path, body, sign })]);
  for (const [type, sent] of [
    ['application/json', '{}'],
    ['application/x-www-form-urlencoded', ''],
  ] as const) {
    const lines = [`Content-Type: ${type}`, `Content-Length: ${sent.length}`];
    client.send(requestHead('POST', '/api', token, lines) + sent);
    expect(await client.response()).toMatchObject({ status: 200 });
  }
  const value = '<<secret:other>>{{other}}';
  const mac = createHmac('sha256', value).update(value).digest('hex');
  expect(
    upstream.seen.slice(1).map(({ target, headers }) => [target, headers['x-signature']]),
  ).toEqual([0, 1].map(() => [`/${encodeURIComponent(value)}`, mac]));
  expect(upstream.seen.slice(1).map((seen) => String(seen.body))).toEqual([
    `{"a":"${value}"}`,
    `a=${encodeURIComponent(value)}`,
  ]);
});
