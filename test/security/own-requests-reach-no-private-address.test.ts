import type { LookupAddress } from 'node:dns';
import { expect, test } from 'vitest';
import { createOutbound } from '../../src/proxy/index.js';
import { startUpstream } from '../support/start-upstream.js';

const POST = { method: 'POST', body: '{}', timeoutMs: 5000 } as const;
const DENIED = { code: 'upstream_address_denied' };

/** What a name resolves to, one answer after the other, the last one for ever. */
function resolvingTo(...answers: readonly (readonly string[])[]) {
  const asked: string[] = [];
  const outbound = createOutbound({
    resolveAll: (name, _options, callback) => {
      const addresses = answers[Math.min(asked.length, answers.length - 1)] ?? [];
      asked.push(name);
      callback(
        null,
        addresses.map((address): LookupAddress => {
          return { address, family: address.includes(':') ? 6 : 4 };
        }),
      );
    },
  });
  return { outbound, asked };
}

test.each([
  '127.0.0.1',
  '[::1]',
  '[::ffff:127.0.0.1]',
  '2130706433',
  '0x7f.1',
  '0177.0.0.1',
  '127.0.0.1.',
  '10.0.0.1',
  '169.254.169.254',
  '[fd00:ec2::254]',
])('a request to %s is refused where it is not allowed', async (host) => {
  const upstream = await startUpstream((_request, response) => void response.end('ok'));
  for (const scheme of ['http', 'https']) {
    const url = `${scheme}://${host}:${upstream.port}`;
    await expect(createOutbound().send({ ...POST, url }), url).rejects.toMatchObject(DENIED);
  }
  expect(upstream.connections).toBe(0);
});

test('what a name resolves to is checked when it is dialled, each time anew', async () => {
  const upstream = await startUpstream((_request, response) => void response.end('ok'));
  const { outbound, asked } = resolvingTo(['10.0.0.1', '127.0.0.1'], ['::ffff:127.0.0.1'], ['::1']);
  for (const scheme of ['https', 'http', 'https']) {
    const url = `${scheme}://hook.test:${upstream.port}`;
    await expect(outbound.send({ ...POST, url })).rejects.toMatchObject(DENIED);
  }
  expect(asked).toHaveLength(3);
  expect(upstream.connections).toBe(0);
});

test('in the clear only loopback is dialled, whatever the name says', async () => {
  const upstream = await startUpstream((_request, response) => void response.end('ok'));
  const inClear = { ...POST, url: `http://localhost:${upstream.port}`, allowPrivateNetwork: true };
  const elsewhere = resolvingTo(['10.0.0.1'], ['8.8.8.8', '192.168.0.1'], ['0.0.0.0']);
  for (let i = 0; i < 3; i++) {
    await expect(elsewhere.outbound.send(inClear)).rejects.toMatchObject(DENIED);
  }
  await expect(
    createOutbound().send({ ...inClear, url: `http://0.0.0.0:${upstream.port}` }),
  ).rejects.toMatchObject(DENIED);
  expect(upstream.connections).toBe(0);
  const here = resolvingTo(['10.0.0.1', '127.0.0.1']);
  expect(await here.outbound.send(inClear)).toMatchObject({ status: 200 });
  expect(upstream.connections).toBe(1);
});

test('the metadata service is not asked, even where private addresses are allowed, in the clear', async () => {
  const url = 'http://169.254.169.254/latest/meta-data/';
  const asked = createOutbound().send({ ...POST, url, allowPrivateNetwork: true });
  await expect(asked).rejects.toMatchObject(DENIED);
});
