import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startKeyedUpstream } from '../support/keyed-upstream.js';
import { startRealServer } from './real-server.js';
import { finish, startKeyferry } from './run-script.js';

const OLD_KEY = 'real_live_4f9c2e7ab8d14c60';
const WRONG_KEY = 'real_live_mistyped_0a1b2c3d';
const NEW_KEY = 'real_live_next_83bb50fc72e94a1d';

test('a staged version that is wrong is found by versions test before it has carried any request of an app', {
  timeout: 120_000,
}, async () => {
  const upstream = await startKeyedUpstream([OLD_KEY, NEW_KEY]);
  const folder = mkdtempSync(join(tmpdir(), 'keyferry-test-'));
  const server = await startRealServer(folder);
  onTestFinished(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  let written = '';
  const keyferry = async (line: string, stdin = '') => {
    const { environment } = server;
    const child = startKeyferry(line.split(' '), { cwd: folder, environment });
    child.stdin?.end(stdin);
    const finished = await finish(child);
    written += finished.stdout + finished.stderr;
    return finished;
  };
  const done = async (line: string, stdin = ''): Promise<string> => {
    const { exitCode, stdout, stderr } = await keyferry(line, stdin);
    expect(exitCode, stderr).toBe(0);
    return stdout;
  };
  const json = async (line: string) => JSON.parse(await done(`${line} --json`));

  await done('secrets create pay_key --environment production', OLD_KEY);
  const pay = {
    name: 'pay',
    match: { pathPrefix: '/pay' },
    headers: { Authorization: 'Bearer <<secret:pay_key>>' },
    allowPrivateNetwork: true,
    probe: { path: '/v1/account' },
    environments: { production: { upstream: upstream.origin } },
  };
  writeFileSync(join(folder, 'routes.json'), JSON.stringify({ routes: [pay] }));
  await done('routes apply routes.json');
  const { token } = await json('clients create shop --environment production');
  const app = async (): Promise<number> => {
    const headers = { 'Keyferry-Token': token };
    return (await fetch(`${server.proxyUrl}/pay/v1/charges`, { headers })).status;
  };
  expect(await app()).toBe(200);

  await done('versions add pay_key --environment production', WRONG_KEY);
  const wrong = await keyferry('versions test pay_key 2 --environment production');
  expect(wrong.exitCode).toBe(2);
  expect(wrong.stdout).toContain('Version 2 of pay_key in production: refused.');
  expect(wrong.stdout).toContain('GET /v1/account on route pay: status 401');
  expect(wrong.stdout).toContain('Injected: pay_key@2');
  expect(await app()).toBe(200);
  // Only the test itself carried it, and it counts as no use.
  expect(upstream.keys()).toEqual([OLD_KEY, WRONG_KEY, OLD_KEY]);
  const { items } = await json('versions list pay_key --environment production');
  expect(items[0]).toMatchObject({ version: 2, state: 'staged', lastUsedAt: null });

  await done('versions add pay_key --environment production', NEW_KEY);
  const right = await done('versions test pay_key 3 --environment production --path /v1/other');
  expect(right).toContain('Version 3 of pay_key in production: accepted.');
  const answer = await json('versions test pay_key 3 --environment production --route pay');
  expect(answer).toMatchObject({ status: 200, outcome: 'accepted', injected: ['pay_key@3'] });
  const missing = await keyferry('versions test pay_key 3 --environment production --route pai');
  expect(missing.exitCode).toBe(2);
  expect(missing.stderr).toContain('did you mean "pay"?');
  for (const key of [OLD_KEY, WRONG_KEY, NEW_KEY]) expect(written).not.toContain(key);
});
