import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, onTestFinished, test, vi } from 'vitest';
import { PATIENCE_MS } from '../support/patience.js';
import { runKeyferry, serveKeyferry, temporaryDataDir } from '../support/serve-process.js';
import { startKeyferry } from '../support/start-keyferry.js';
import { send } from '../support/steady-load.js';

test('what an altered row decides is refused and named, the rest is served, until the rows are accepted', async () => {
  const upstream = createServer((_request, response) => void response.end('ok'));
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    upstream.close();
    upstream.closeAllConnections();
  });
  const origin = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  const dataDir = temporaryDataDir();
  const first = await startKeyferry({}, dataDir);
  const route = (name: string) => ({
    name,
    match: { pathPrefix: `/${name}` },
    headers: { Authorization: `Bearer <<secret:${name}>>` },
    environments: { production: { upstream: origin, allowPrivateNetwork: true } },
  });
  for (const name of ['good', 'bad']) await first.secret(name, { production: `value of ${name}` });
  await first.admin('PUT', '/v1/routes', { routes: [route('good'), route('bad')] });
  const [good, moved] = [await first.client('production'), await first.client('staging')];
  await first.server.close();

  const raw = new Database(join(dataDir, 'keyferry.db'));
  raw.exec(`UPDATE clients SET environment = 'production' WHERE environment = 'staging';
    UPDATE secrets SET allowed_hosts = '["*.example.com"]' WHERE name = 'bad'`);
  raw.close();

  const second = await serveKeyferry({ dataDir });
  const ask = async (url: string, token: string, path: string): Promise<string> => {
    const headers = { 'keyferry-token': token, connection: 'close' };
    const answer = await send(`${url}${path}`, { headers });
    return String(answer.headers['keyferry-error'] ?? answer.status);
  };
  expect(await ask(second.proxyUrl, good, '/good')).toBe('200');
  expect(await ask(second.proxyUrl, good, '/bad')).toBe('secret_missing');
  expect(await ask(second.proxyUrl, moved, '/good')).toBe('client_unauthenticated');
  const ready = await second.call('GET', '/readyz');
  expect(ready).toMatchObject({ status: 200, body: { ready: true } });
  expect(JSON.stringify(ready.body)).toMatch(/client .*secret .*"bad/);
  await vi.waitUntil(() => second.output.match(/row_altered/g)?.length === 2, PATIENCE_MS);

  const run = (...argv: string[]) => runKeyferry([...argv, '--data-dir', dataDir]);
  const doctor = await run('doctor');
  expect(doctor.exitCode).toBe(1);
  expect(doctor.stdout).toContain('✗ rows: 2 of ');
  expect(doctor.stdout).toContain('secret "bad"');
  expect((await run('accept-rows', '--yes')).stderr).toContain('data_folder_locked');
  await second.stop();
  expect((await run('accept-rows')).stderr).toContain('give --yes');
  const accepted = await run('accept-rows', '--yes');
  expect(accepted).toMatchObject({ exitCode: 0 });
  expect(accepted.stdout).toContain('Accepted secret "bad".');
  expect((await run('doctor')).exitCode).toBe(0);

  const third = await serveKeyferry({ dataDir });
  expect(await ask(third.proxyUrl, moved, '/good')).toBe('200');
  expect(await ask(third.proxyUrl, good, '/bad')).toBe('upstream_address_denied');
  expect((await third.call('GET', '/readyz')).body).toEqual({ ready: true, reasons: [] });
});
