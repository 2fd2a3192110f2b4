import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { startKeyferry } from '../support/start-keyferry.js';

test('a request reaches the upstream with the secret of its environment', async () => {
  const seen: (string | undefined)[] = [];
  const upstream = createServer((request, response) => {
    seen.push(request.headers.authorization);
    response.end('ok');
  });
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void upstream.close());
  const keyferry = await startKeyferry();
  await keyferry.secret('api_key', { production: 'sk_live_1', staging: 'sk_test_1' });
  const origin = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  const environment = { upstream: origin, allowPrivateNetwork: true };
  await keyferry.routes([
    {
      name: 'api',
      match: { pathPrefix: '/api' },
      headers: { Authorization: 'Bearer <<secret:api_key>>' },
      environments: { production: environment, staging: environment },
    },
  ]);
  for (const name of ['production', 'staging']) {
    const token = await keyferry.client(name);
    const response = await fetch(`${keyferry.proxyUrl}/api/x`, {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(response.status).toBe(200);
    await response.text();
  }
  expect(seen).toEqual(['Bearer sk_live_1', 'Bearer sk_test_1']);
});
