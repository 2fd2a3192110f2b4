import { expect, test } from 'vitest';
import { startPlainUpstream } from '../support/plain-upstream.js';
import { startKeyferry } from '../support/start-keyferry.js';

test('credentials of providers are kept from the start, and no route, client, cutover or copy reaches them', async () => {
  const server = await startKeyferry();
  const { admin, call } = server;
  await server.secret('aws_admin', { _providers: 'the credential of a provider' });
  const versions = '/v1/secrets/aws_admin/environments/_providers/versions';
  expect(await admin('GET', versions)).toMatchObject({
    items: [{ version: 1, state: 'current' }],
  });
  await admin('POST', versions, { value: 'the next credential of it' });
  await admin('POST', `${versions}/2/activate`);

  const route = (environment: string, upstream = 'https://api.example.com') => ({
    name: 'api',
    match: { pathPrefix: '/api' },
    environments: {
      [environment]: {
        upstream,
        allowPrivateNetwork: true,
        headers: { Authorization: '<<secret:aws_admin>>' },
      },
    },
  });
  const refused = async (method: string, path: string, body?: unknown): Promise<number> => {
    const { status } = await call(method, path, body);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
    return status;
  };
  await refused('PUT', '/v1/routes', { routes: [route('_providers')] });
  await refused('POST', '/v1/clients', { name: 'app', environment: '_providers' });
  await refused('POST', '/v1/environments', { name: '_providers' });
  await refused('DELETE', '/v1/environments/_providers');
  const cutovers = '/v1/secrets/aws_admin/environments/_providers/cutovers';
  await refused('POST', cutovers, { toVersion: 1 });
  const copyFrom = { environment: '_providers', version: 2 };
  const production = '/v1/secrets/aws_admin/environments/production/versions';
  await refused('POST', production, { copyFrom });

  const { items } = await admin<{ items: { name: string }[] }>('GET', '/v1/environments');
  expect(items.map(({ name }) => name)).not.toContain('_providers');

  // A route that names the secret elsewhere gets that environment's value, or none.
  let arrived: string | undefined;
  const upstream = await startPlainUpstream((request, response) => {
    arrived = request.headers.authorization;
    response.end();
  });
  await refused('PUT', '/v1/routes', { routes: [route('production', upstream)] });
  await server.secret('other', { production: 'a value of an app' });
  await admin('POST', production, { value: 'a value of production' });
  await server.routes([route('production', upstream)]);
  const token = await server.client('production');
  for (const path of ['/api/x', '/api/_providers', '/api?environment=_providers']) {
    const response = await fetch(`${server.proxyUrl}${path}`, {
      headers: { 'Keyferry-Token': token, 'Keyferry-Environment': '_providers' },
    });
    expect(response.status).toBe(200);
    expect(arrived).toBe('a value of production');
  }
});
