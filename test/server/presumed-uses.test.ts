import { expect, test } from 'vitest';
import { startPlainUpstream } from '../support/plain-upstream.js';
import { serveKeyferry, temporaryDataDir } from '../support/serve-process.js';

const VERSION = '/v1/secrets/api_key/environments/production/versions/1';

test('what was used right before a kill counts as used, and a clean stop presumes nothing', async () => {
  const dataDir = temporaryDataDir();
  const first = await serveKeyferry({ dataDir });
  const upstream = await startPlainUpstream((_request, response) => response.end('fine'));
  await first.secret('api_key', { production: 'a value of the api key' });
  await first.secret('unrouted', { production: 'a value without a route' });
  await first.admin('PUT', '/v1/routes', {
    routes: [
      {
        name: 'api',
        match: { pathPrefix: '/api' },
        environments: {
          production: {
            upstream,
            allowPrivateNetwork: true,
            headers: { Authorization: 'Bearer <<secret:api_key>>' },
          },
        },
      },
    ],
  });
  const token = await first.client('production');
  const lastUse = async (server: typeof first): Promise<number> => {
    const { lastUsedAt } = await server.admin<{ lastUsedAt: string | null }>('GET', VERSION);
    return lastUsedAt === null ? 0 : Date.parse(lastUsedAt);
  };
  expect(await lastUse(first)).toBe(0);

  const response = await fetch(`${first.proxyUrl}/api/x`, { headers: { 'Keyferry-Token': token } });
  expect(response.status).toBe(200);
  const usedAtMs = Date.now();
  await first.kill();

  const second = await serveKeyferry({ dataDir });
  await expect.poll(() => second.output).toContain('"uses_presumed"');
  const presumedMs = await lastUse(second);
  expect(presumedMs).toBeGreaterThanOrEqual(usedAtMs);
  expect(presumedMs).toBeLessThanOrEqual(Date.now());
  const unrouted = await second.admin<{ lastUsedAt: string | null }>('GET', '/v1/secrets/unrouted');
  expect(unrouted.lastUsedAt).toBeNull();
  const { items } = await second.admin<{ items: { detail: object }[] }>(
    'GET',
    '/v1/audit?action=usage.presume',
  );
  expect(items).toMatchObject([{ detail: { versions: 1 } }]);
  await second.stop();

  const third = await serveKeyferry({ dataDir });
  expect(third.output).not.toContain('"uses_presumed"');
  expect(await lastUse(third)).toBe(presumedMs);
});
