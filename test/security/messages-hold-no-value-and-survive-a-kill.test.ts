import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { expect, onTestFinished, test } from 'vitest';
import { serveKeyferry } from '../support/serve-process.js';

const SIGNING_SECRET = `whsec_${Buffer.from('canary-of-a-signing-secret').toString('base64')}`;

test('a message that a killed server kept arrives with the same id, and holds no value', async () => {
  const posts: { id: string; headers: Record<string, string>; body: string }[] = [];
  let status = 503;
  const receiver = createServer(async (request, response) => {
    let body = '';
    for await (const piece of request) body += piece;
    const headers = request.headers as Record<string, string>;
    posts.push({ id: headers['webhook-id'] ?? '', headers, body });
    response.writeHead(status).end();
  }).listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  onTestFinished(() => void receiver.close());
  const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;

  const first = await serveKeyferry();
  await first.secret('hook_key', { _providers: SIGNING_SECRET });
  const settings = { kind: 'webhook', url, signingSecret: 'hook_key', allowPrivateNetwork: true };
  const { id } = await first.admin('POST', '/v1/notifications', { name: 'hook', settings });
  const tried = await first.admin('POST', `/v1/notifications/${id}/test`);
  expect(tried).toEqual({ sent: false, problem: 'The webhook answered 503.' });
  expect(posts).toHaveLength(1);
  const exited = once(first.child, 'exit');
  first.child.kill('SIGKILL');
  await exited;

  status = 200;
  const second = await serveKeyferry({ dataDir: first.dataDir });
  await expect.poll(() => posts.length).toBe(2);
  expect(posts[0]?.id).toMatch(/^msg_/);
  expect(posts[1]?.id).toBe(posts[0]?.id);
  for (const { headers, body } of posts) {
    expect(new Webhook(SIGNING_SECRET).verify(body, headers)).toMatchObject({
      type: 'keyferry.test',
    });
  }
  const written = JSON.stringify(posts) + first.output + second.output;
  expect(written).not.toContain(SIGNING_SECRET.slice(6));
  expect(written).not.toContain('canary-of-a-signing-secret');
});
