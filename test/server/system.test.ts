import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { SystemAnswer } from '../../src/core/index.js';
import { callAdmin } from '../support/call-admin.js';
import { visitConsole } from '../support/console-visit.js';
import { startKeyferry } from '../support/start-keyferry.js';

const PASSPHRASE = 'a-passphrase-that-nobody-sees-4711';

test('the system page says what is in force and by what, how much room there is, and no secret of the process', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'keyferry-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const config = join(folder, 'config.json');
  await writeFile(config, '{ "maxHeaders": 77, "bodyIdleMs": 9000 }');
  const keyferry = await startKeyferry({ '--config': config, '--strict-expiry': true }, undefined, {
    KEYFERRY_ROOT_KEY_PASSPHRASE: PASSPHRASE,
    KEYFERRY_BODY_IDLE_MS: '8000',
  });
  const system = await keyferry.admin<SystemAnswer>('GET', '/v1/system');
  const of = (name: string) => system.settings.find((one) => one.name === name);
  expect(of('strictExpiry')).toMatchObject({ value: 'true', source: 'flag', isGiven: true });
  expect(of('bodyIdleMs')).toMatchObject({ value: '8000', source: 'variable' });
  expect(of('maxHeaders')).toMatchObject({ value: '77', source: 'config_file' });
  expect(of('proxyListen')).toMatchObject({ value: '127.0.0.1:0', source: 'flag' });
  expect(of('shared')).toMatchObject({ source: 'default', isGiven: false });
  expect(of('rootKeyPassphrase')).toMatchObject({
    value: null,
    secret: true,
    isGiven: true,
    source: 'variable',
  });
  expect(of('rootKey')).toMatchObject({ value: null, isGiven: false });
  expect(system.storage.databaseBytes).toBeGreaterThan(4096);
  expect(system.storage.freeBytes).toBeGreaterThan(0);
  expect(system.storage.lastBackupAt).toBeNull();
  const before = system.storage.auditRows;

  await keyferry.call('POST', '/v1/backup');
  const after = await keyferry.admin<SystemAnswer>('GET', '/v1/system');
  expect(after.storage.auditRows).toBe(before + 1);
  expect(Date.parse(after.storage.lastBackupAt ?? '')).toBeGreaterThan(Date.now() - 60_000);

  const token = (await readFile(join(keyferry.dataDir, 'admin-token'), 'utf8')).trim();
  const visit = await visitConsole(keyferry.adminUrl, { token });
  const page = (await visit.get('/system')).text;
  expect(page).toContain('given, not shown');
  expect(page).toContain('the config file');
  expect(page + JSON.stringify(after)).not.toContain(PASSPHRASE);
  const reader = await keyferry.admin<{ token: string }>('POST', '/v1/admins', {
    name: 'reader',
    role: 'viewer',
  });
  expect((await callAdmin(keyferry.adminUrl, reader.token, 'GET', '/v1/system')).status).toBe(403);
  const reading = await visitConsole(keyferry.adminUrl, { token: reader.token });
  const seen = await reading.get('/system');
  expect([seen.status, seen.text.includes('Settings in force')]).toEqual([200, false]);
});
