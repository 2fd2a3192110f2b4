import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { RoutesAnswer } from '../../src/core/index.js';
import { type ConsoleVisit, visitConsole } from '../support/console-visit.js';
import { startKeyferry, type TestKeyferry } from '../support/start-keyferry.js';

async function start(): Promise<{ keyferry: TestKeyferry; visit: ConsoleVisit }> {
  const keyferry = await startKeyferry();
  const token = (await readFile(join(keyferry.dataDir, 'admin-token'), 'utf8')).trim();
  return { keyferry, visit: await visitConsole(keyferry.adminUrl, { token }) };
}

test('the days that the audit log is asked for belong to it whole, and stay in their fields', async () => {
  const { keyferry, visit } = await start();
  await keyferry.secret('audited_key', { production: 'v' });
  const day = (distance: number): string =>
    new Date(Date.now() + distance * 86_400_000).toISOString().slice(0, 10);
  const page = async (since: string, until: string): Promise<string> =>
    (await visit.get(`/audit?secret=audited_key&since=${since}&until=${until}`)).text;
  const found = await page(day(-1), day(0));
  expect(found).toContain('audited_key</td>');
  expect(found).toContain(`name="until" value="${day(0)}"`);
  expect(await page(day(-3), day(-2))).toContain('No row fits.');
  const exported = `/audit/export?secret=audited_key&since=${day(-1)}&until=${day(0)}`;
  expect((await visit.get(exported)).text).toContain('audited_key');
  expect((await visit.get('/audit?until=2026-99-99')).status).toBe(400);
});

test('a download is sent once, whole, as the API sends it', async () => {
  const { visit } = await start();
  // Where the adapter of HTTP tells of a second head.
  const complaints = vi.spyOn(console, 'error');
  onTestFinished(() => complaints.mockRestore());
  const log = await visit.get('/audit/export');
  expect(log.headers.get('content-type')).toBe('application/jsonl');
  expect(log.text.trimEnd().split('\n').at(-1)).toMatch(/^\{"end":/);
  const backup = await visit.post('/system/backup', {});
  expect(backup.headers.get('content-disposition')).toMatch(/keyferry-.*\.backup"$/);
  expect((await backup.arrayBuffer()).byteLength).toBeGreaterThan(1000);
  expect((await visit.get('/audit')).status).toBe(200);
  expect(complaints).not.toHaveBeenCalled();
});

test('what was filled in for another kind of channel stays behind', async () => {
  const { keyferry, visit } = await start();
  await keyferry.secret('hook_key', { _providers: `whsec_${'MTIz'.repeat(8)}` });
  const filled = {
    kind: 'webhook',
    leastUrgency: 'warning',
    url: 'https://hooks.example.com/x',
    signingSecret: 'hook_key',
    urlSecret: 'slack_key',
    mentionChannel: 'on',
    'slack.allowPrivateNetwork': 'on',
    port: '25',
    security: 'tls',
  };
  expect((await visit.post('/channels', { ...filled, name: 'outside' })).status).toBe(303);
  const inside = { ...filled, name: 'inside', 'webhook.allowPrivateNetwork': 'on' };
  expect((await visit.post('/channels', inside)).status).toBe(303);
  const { items } = await keyferry.admin<{ items: { name: string; settings: object }[] }>(
    'GET',
    '/v1/notifications',
  );
  const settings = new Map(items.map((channel) => [channel.name, channel.settings]));
  expect(settings.get('outside')).toMatchObject({ kind: 'webhook', allowPrivateNetwork: false });
  expect(settings.get('inside')).toMatchObject({ kind: 'webhook', allowPrivateNetwork: true });
});

test('every setting of a cutover is that of its form, and refused beside its field', async () => {
  const { keyferry, visit } = await start();
  await keyferry.secret('cut_key', { production: 'value-of-cut-1' });
  const place = '/secrets/cut_key/environments/production';
  await keyferry.admin('POST', `/v1${place}/versions`, { value: 'value-of-cut-2' });
  const { text } = await visit.get('/secrets/cut_key');
  expect(text).toMatch(/name="maxRefusalRatio"[^>]* step="any" [^>]*value="0.01"/);
  const form = {
    toVersion: '2',
    windowMinutes: '30',
    steps: '20, 100',
    stepMinSamples: '7',
    stepMinSeconds: '0',
    maxRefusalRatio: '0.05',
    onRefusal: 'hold',
    clients: 'app',
    stickyClients: 'true',
  };
  const refused = await visit.post(`${place}/cutovers`, { ...form, maxRefusalRatio: '5' });
  expect(await refused.text()).toMatch(/name="maxRefusalRatio"[^>]* value="5" aria-invalid="true"/);
  await keyferry.admin('POST', '/v1/clients', { name: 'app', environment: 'production' });
  const started = await visit.post(`${place}/cutovers`, form);
  const page = started.headers.get('location') ?? '';
  expect(await keyferry.admin('GET', `/v1${page}`)).toMatchObject({
    settings: {
      windowMinutes: 30,
      steps: [20, 100],
      stepMinSamples: 7,
      stepMinSeconds: 0,
      maxRefusalRatio: 0.05,
      routes: null,
      clients: ['app'],
      onRefusal: 'hold',
      stickyClients: true,
    },
  });
  const shown = (await visit.get(page)).text;
  expect(shown).toContain('waits for a person, above 5 %');
  expect(shown).toContain('<dd>all take the same version</dd>');
});

test('routes that somebody applied meanwhile are replaced by nobody who was not told', async () => {
  const { keyferry, visit } = await start();
  const named = (name: string) => ({
    name,
    match: { pathPrefix: `/${name}` },
    environments: { production: { upstream: 'https://api.example.com' } },
  });
  const { text } = await visit.get('/routes');
  const revisionIn = (page: string): string =>
    /name="revision" value="(\d+)"/.exec(page)?.[1] ?? '';
  const revision = revisionIn(text);
  const form = { revision, document: JSON.stringify({ routes: [named('mine')] }) };
  const post = async (fields: Record<string, string>): Promise<string> =>
    (await visit.post('/routes', fields)).text();
  const applied = async (): Promise<string | undefined> =>
    (await keyferry.admin<RoutesAnswer>('GET', '/v1/routes')).document.routes[0]?.name;
  await keyferry.routes([named('theirs')]);

  // A slip, one that the API sees, and a check: what comes back is based on what it was.
  const typed = JSON.stringify({ routes: [{ ...named('mine'), match: { pathPrefix: 'mine' } }] });
  const slips = [
    { ...form, document: '{', do: 'check' },
    { ...form, document: typed, do: 'apply' },
    { ...form, do: 'check' },
  ];
  for (const slip of slips) expect(revisionIn(await post(slip))).toBe(revision);
  const late = await post({ ...form, do: 'apply' });
  expect(late).toContain('What would change');
  expect(late).toContain('&quot;theirs&quot;');
  expect(await applied()).toBe('theirs');
  await post({ ...form, revision: revisionIn(late), do: 'apply' });
  expect(await applied()).toBe('mine');
});

test('a document of routes may have comments and another layout; a mistake has its line, and the tick stays', async () => {
  const { keyferry, visit } = await start();
  await keyferry.secret('paid_key', { production: 'v' });
  const route = {
    name: 'paid',
    match: { pathPrefix: '/paid' },
    headers: { Authorization: 'Bearer <<secret:paid_key>>' },
    environments: { production: { upstream: 'https://api.example.com' } },
  };
  const send = async (document: string, form: Readonly<Record<string, string>>) => {
    const answer = await visit.post('/routes', { document, ...form });
    return { status: answer.status, text: await answer.text() };
  };
  const pasted = `// ours\n${JSON.stringify({ routes: [route] })}`;
  expect((await send(pasted, { do: 'apply', revision: '0' })).status).toBe(303);
  expect((await send(pasted, { do: 'check' })).text).not.toContain('What would change');

  const later = pasted.replace('/paid', '/bought');
  const checked = await send(later, { do: 'check', allowMissing: 'on' });
  expect(checked.text).toContain('name="allowMissing" checked=""');
  expect(checked.text.match(/<(?:del|ins)>/g)).toHaveLength(2);

  const broken = await send('{\n  "routes": [ }', { do: 'apply', revision: '1' });
  expect(broken.text).toContain('cannot be applied');
  expect(broken.text).toContain('(line 2, column 15)');
  expect(broken.text).not.toContain('What would change');
});
