import { expect, onTestFinished, test } from 'vitest';
import type { RotationDetail } from '../../src/core/index.js';
import { visitConsole } from '../support/console-visit.js';
import { startCustomStandIn } from '../support/stand-ins/custom.js';
import { startKeyferry } from '../support/start-keyferry.js';
import { fieldsIn } from './fields-in.js';

test('when, how and by which settings a secret is rotated is edited; an open run keeps the settings', async () => {
  const custom = await startCustomStandIn();
  onTestFinished(() => custom.close());
  const keyferry = await startKeyferry();
  const { admin, secret, adminUrl } = keyferry;
  await secret('hook_secret', { _providers: custom.providerSecrets.hook_secret ?? '' });
  await secret('shop_key', { production: custom.initial ?? '' });
  const made = await admin<RotationDetail>('POST', '/v1/rotations', {
    secret: 'shop_key',
    environment: 'production',
    provider: 'custom',
    intervalDays: 30,
    cutover: { stickyClients: true },
    config: custom.config,
  });
  const visitAs = async (role: string) => {
    const body = { name: `one ${role}`, role };
    const { token } = await admin<{ token: string }>('POST', '/v1/admins', body);
    return visitConsole(adminUrl, { token });
  };
  const visit = await visitAs('operator');
  const [path, shown] = [`/rotations/${made.id}`, () => admin('GET', `/v1/rotations/${made.id}`)];
  const page = `${path}/edit`;
  expect((await visit.get(path)).text).toContain(`href="${page}"`);

  const as = fieldsIn((await visit.get(page)).text);
  expect(as).toMatchObject({ intervalDays: '30', cron: '', 'config.secret': 'hook_secret' });
  expect(as).toMatchObject({ maxRefusalRatio: '', stickyClients: 'true' });
  const same = await visit.post(page, as);
  expect([same.status, (await shown()).updatedAt]).toEqual([303, made.updatedAt]);

  const wrong = { ...as, cron: 'daily', timezone: 'Berlin', steps: '50, x', 'config.url': 'shop' };
  const beyond = await (await visit.post(page, wrong)).text();
  expect(beyond).toMatch(/<small class="invalid">entry 2: found a string/);
  const tooMuch = await (await visit.post(page, { ...as, maxRefusalRatio: '2' })).text();
  expect(tooMuch).toMatch(/name="maxRefusalRatio"[^>]* value="2" aria-invalid="true"/);
  const refused = await (await visit.post(page, { ...wrong, steps: '' })).text();
  expect(refused).toMatch(/name="cron"[^>]* value="daily" aria-invalid="true"/);
  expect(refused).toMatch(/name="timezone"[^>]* value="Berlin" aria-invalid="true"/);
  expect(refused).toMatch(/name="config\.url"[^>]* value="shop"[^>]* aria-invalid="true"/);
  expect(refused).toContain('3 fields say below what is wrong');

  const better = {
    ...as,
    cron: '0 3 1 * *',
    windowFrom: '02:00',
    windowUntil: '04:00',
    gracePeriodMinutes: '',
    steps: '50',
    maxRefusalRatio: '0.05',
    endpoint: '/shop/ping',
    'config.fields': 'one\r\ntwo',
  };
  const checked = await (await visit.post(page, { ...better, check: 'yes' })).text();
  expect(checked).toContain('send a signed request: Answered 200.');
  expect(fieldsIn(checked)).toMatchObject({ cron: '0 3 1 * *', 'config.fields': 'one\ntwo' });
  expect(await shown()).toMatchObject({ cron: null });
  expect((await visit.post(page, better)).headers.get('location')).toBe(path);
  expect(await shown()).toMatchObject({
    intervalDays: null,
    cron: '0 3 1 * *',
    window: { from: '02:00', until: '04:00' },
    gracePeriodMinutes: 2880,
    propagationCheck: { endpoint: '/shop/ping', expectedStatus: 200 },
    cutover: { stickyClients: true, steps: [50, 100], maxRefusalRatio: 0.05 },
    config: { ...custom.config, fields: ['one', 'two'] },
  });
  // What was only checked is based on what it was.
  const looked = { ...better, soakMinutes: '5', check: 'yes' };
  const { check: _, ...stale } = fieldsIn(await (await visit.post(page, looked)).text());
  expect(await (await visit.post(page, stale)).text()).toContain('Nothing was saved');
  const late = await (await visit.post(page, { ...better, soakMinutes: '5' })).text();
  expect(late).toContain('Nothing was saved');
  expect(late).toContain('<dt>Soak minutes</dt><dd>1440</dd>');
  const again = { ...fieldsIn(late), 'config.fields': '', stickyClients: 'false' };
  expect((await visit.post(page, again)).status).toBe(303);
  expect(await shown()).toMatchObject({ soakMinutes: 5, config: { url: custom.config.url } });
  expect((await shown()).cutover).toEqual({ steps: [50, 100], maxRefusalRatio: 0.05 });

  // It stays open: no route answers what is to be checked.
  expect((await visit.post(`${path}/rotate`)).status).toBe(303);
  const { text } = await visit.get(page);
  expect(text).toContain('These settings stay as they are while a run is open');
  const open = fieldsIn(text);
  expect(Object.keys(open).filter((name) => name.startsWith('config'))).toEqual([]);
  expect((await visit.post(page, { ...open, soakMinutes: '7' })).status).toBe(303);
  expect(await shown()).toMatchObject({ soakMinutes: 7, config: { url: custom.config.url } });

  const viewer = await visitAs('viewer');
  expect((await viewer.get(path)).text).not.toContain(page);
  expect((await viewer.get(page)).status).toBe(403);
  expect((await viewer.post(page, { ...open, soakMinutes: '9' })).status).toBe(403);
  expect(await shown()).toMatchObject({ soakMinutes: 7 });
});
