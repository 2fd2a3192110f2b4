import { renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, expect, test, vi } from 'vitest';
import { PATIENCE_MS } from '../support/patience.js';
import {
  addRevisionSecrets,
  revisionRoute,
  routesText,
  startOnRoutesFile,
  startRevisionLoad,
  startRevisionUpstream,
} from '../support/revision-load.js';
import { startKeyferry } from '../support/start-keyferry.js';
import { send } from '../support/steady-load.js';
import { campaign as fileReloads } from '../torture/campaigns/file-reloads.js';
import { campaign as reloads } from '../torture/campaigns/reloads.js';
import { expectClean } from '../torture/expect-clean.js';

test('20 documents put under load: no request fails or mixes two revisions', () =>
  expectClean(reloads, 20));

describe('a routes file', () => {
  /** What the log says was wrong with the file. */
  const rejections = (log: string): { code: string; detail: string }[] =>
    log
      .split('\n')
      .filter((line) => line.includes('"routes_file_rejected"'))
      .map((line) => JSON.parse(line) as { code: string; detail: string });

  test('is replaced 20 times under load: no request fails or mixes two revisions', () =>
    expectClean(fileReloads, 20));

  test('that is broken, half written, empty or gone changes nothing, and what comes next is taken', async () => {
    const origin = await startRevisionUpstream();
    const { server, token, file, put, revisionOf } = await startOnRoutesFile(origin);
    const load = startRevisionLoad(server.proxyUrl, token, () => 1);
    const isRejected = (times: number) =>
      vi.waitUntil(() => rejections(server.output).length === times, { timeout: PATIENCE_MS });

    const wrong = {
      ...revisionRoute(origin, 2),
      environments: { prodution: { upstream: origin } },
    };
    put(routesText([wrong]));
    await isRejected(1);
    put(routesText([revisionRoute(origin, 2)]).slice(0, 100));
    await isRejected(2);
    put('');
    await isRejected(3);
    rmSync(file);
    await isRejected(4);
    expect(rejections(server.output)).toMatchObject([
      {
        code: 'routes_invalid',
        detail: expect.stringContaining('routes[0].environments.prodution'),
      },
      { code: 'routes_invalid' },
      { code: 'routes_invalid' },
      { code: 'routes_invalid', detail: expect.stringMatching(/cannot be read \(ENOENT\)/) },
    ]);
    expect(rejections(server.output)[0]?.detail).toContain('Nothing was changed');
    expect(await revisionOf()).toBe(1);
    expect(await server.admin('GET', '/v1/routes')).toMatchObject({ revision: 1 });
    const audit = await server.admin<{ items: unknown[] }>('GET', '/v1/audit?action=routes.reject');
    expect(audit.items).toHaveLength(4);

    writeFileSync(file, routesText([revisionRoute(origin, 3)]));
    await load.seen(3);
    expect((await load.stop()).failures).toEqual([]);
    expect((await server.stop()).exitCode).toBe(0);
  });

  test('behind a symlink is followed when the symlink is swapped', async () => {
    const origin = await startRevisionUpstream();
    const { server, token, file } = await startOnRoutesFile(origin);
    const load = startRevisionLoad(server.proxyUrl, token, () => 1);
    for (const revision of [2, 3, 4]) {
      writeFileSync(`${file}.${revision}`, routesText([revisionRoute(origin, revision)]));
      symlinkSync(`${file}.${revision}`, `${file}.link`);
      renameSync(`${file}.link`, file);
      await load.seen(revision);
    }
    expect((await load.stop()).failures).toEqual([]);
    expect((await server.stop()).exitCode).toBe(0);
  });

  test('that lacked a value is taken when the value comes', async () => {
    const origin = await startRevisionUpstream();
    const { server, token, put } = await startOnRoutesFile(origin);
    const load = startRevisionLoad(server.proxyUrl, token, () => 1);
    const { headers, ...route } = revisionRoute(origin, 2);
    put(routesText([{ ...route, headers: { ...headers, 'X-Late': '<<secret:late>>' } }]));
    server.child.kill('SIGHUP');
    await vi.waitUntil(async () => {
      const audit = await server.admin<{ items: unknown[] }>(
        'GET',
        '/v1/audit?action=routes.reject',
      );
      return audit.items.length === 1;
    }, PATIENCE_MS);
    await server.secret('late', { production: 'late-value' });
    await load.seen(2);
    expect((await load.stop()).failures).toEqual([]);
  });

  test('cannot be overruled by the API', async () => {
    const origin = await startRevisionUpstream();
    const { server, revisionOf } = await startOnRoutesFile(origin);
    const routes = [revisionRoute(origin, 2)];
    const answer = await server.call('PUT', '/v1/routes', { routes });
    expect(answer).toMatchObject({ status: 409, body: { code: 'routes_managed_by_file' } });
    expect(await revisionOf()).toBe(1);
  });
});

test('a broken document put changes nothing and names the JSON path', async () => {
  const origin = await startRevisionUpstream();
  const server = await startKeyferry();
  await addRevisionSecrets(server);
  await server.admin('PUT', '/v1/routes', { routes: [revisionRoute(origin, 1)] });
  const token = await server.client('production');
  const bad = { ...revisionRoute(origin, 2), enviroments: {} };
  const answer = await server.call('PUT', '/v1/routes', { routes: [bad] });
  expect(answer).toMatchObject({
    status: 422,
    body: {
      code: 'routes_invalid',
      errors: [{ path: 'routes[0].enviroments', nearest: 'environments' }],
    },
  });
  expect(await server.admin('GET', '/v1/routes')).toMatchObject({ revision: 1 });
  const { body } = await send(`${server.proxyUrl}/api/x`, {
    headers: { 'keyferry-token': token },
  });
  expect(body).toBe('1');
});
