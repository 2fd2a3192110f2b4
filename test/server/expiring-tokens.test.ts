import { expect, test, vi } from 'vitest';
import type { RotationDetail } from '../../src/core/index.js';
import { PATIENCE_MS } from '../support/patience.js';
import { startKeyferry } from '../support/start-keyferry.js';

const HOUR_MS = 3_600_000;
const CONFIG = {
  mode: 'client_credentials',
  tokenEndpoint: 'https://tokens.example.com/',
  clientId: 'shop',
  clientSecret: 'shop_secret',
  aheadSeconds: 600,
};

test('a token is replaced before it ends from the first run on, also where an interval is given', async () => {
  const { admin, secret } = await startKeyferry();
  await secret('shop_secret', { _providers: 'the-secret-of-the-client' });
  await secret('token', {});
  const endsAtMs = Date.now() + HOUR_MS;
  await admin('POST', '/v1/secrets/token/environments/production/versions', {
    value: 'an-access-token',
    expiresAt: new Date(endsAtMs).toISOString(),
  });
  const settings = { secret: 'token', environment: 'production', provider: 'oauth2' };
  const { id } = await admin<RotationDetail>('POST', '/v1/rotations', {
    ...settings,
    intervalDays: 30,
    config: CONFIG,
  });
  const isPlanned = () =>
    vi.waitFor(
      async () => {
        const { nextRunAt } = await admin<RotationDetail>('GET', `/v1/rotations/${id}`);
        expect(nextRunAt).toBe(new Date(endsAtMs - 600_000).toISOString());
      },
      { timeout: PATIENCE_MS },
    );
  await isPlanned();
  await admin('PATCH', `/v1/rotations/${id}`, { cron: '0 3 1 * *' });
  await isPlanned();
});
