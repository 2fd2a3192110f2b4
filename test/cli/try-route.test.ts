import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { formsOf } from '../support/canary.js';
import { startUpstream } from '../support/start-upstream.js';
import { startRealServer } from './real-server.js';
import { finish, startKeyferry } from './run-script.js';

const KEY = 'real_live_4f9c2e7ab8d14c60';

test('routes try shows what was sent and came back, asks before it changes something, and no value', {
  timeout: 120_000,
}, async () => {
  const upstream = await startUpstream((request, response) => {
    response.end(`you are ${request.headers.authorization} and sent ${request.body}`);
  });
  const folder = mkdtempSync(join(tmpdir(), 'keyferry-test-'));
  const server = await startRealServer(folder);
  onTestFinished(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  let written = '';
  const keyferry = async (args: readonly string[], stdin = '') => {
    const child = startKeyferry([...args], { cwd: folder, environment: server.environment });
    child.stdin?.end(stdin);
    const finished = await finish(child);
    written += finished.stdout + finished.stderr;
    return finished;
  };
  await keyferry(['secrets', 'create', 'pay_key', '--environment', 'production'], KEY);
  const pay = {
    name: 'pay',
    match: { pathPrefix: '/pay' },
    headers: { Authorization: 'Bearer <<secret:pay_key>>' },
    allowPrivateNetwork: true,
    environments: { production: { upstream: upstream.origin } },
  };
  writeFileSync(join(folder, 'routes.json'), JSON.stringify({ routes: [pay] }));
  await keyferry(['routes', 'apply', 'routes.json']);

  const tryPay = ['routes', 'try', 'pay', '--environment', 'production'];
  const got = await keyferry([...tryPay, '--path', '/pay/me?a=b', '--header', 'X-Mine: 1']);
  expect(got.stdout.split('\n')).toEqual(
    expect.arrayContaining([
      `> GET ${upstream.origin}/me?a=…`,
      '> X-Mine: (yours)',
      '> Authorization: Bearer [redacted: pay_key v1]',
      'you are Bearer [redacted] and sent ',
    ]),
  );
  expect(got.stdout).toMatch(/^< 200 in \d+ ms$/m);
  expect(got.stderr).toContain('warning: the response held the value of pay_key, masked here');
  expect(got.exitCode).toBe(0);
  expect(upstream.seen[0]).toMatchObject({
    target: '/me?a=b',
    headers: { authorization: `Bearer ${KEY}`, 'x-mine': '1' },
  });

  const post = [...tryPay, '--method', 'post', '--body-file', '-'];
  const asked = await keyferry(post, 'hello');
  expect(asked.exitCode).toBe(1);
  expect(asked.stderr).toContain('This sends a real POST with the values of production');
  expect(upstream.seen).toHaveLength(1);
  upstream.planned.push({ status: 402, body: 'no money' });
  const sent = await keyferry([...post, '--yes'], 'hello');
  expect([sent.exitCode, String(upstream.seen[1]?.body)]).toEqual([2, 'hello']);
  expect(sent.stdout).toContain('no money');

  const elsewhere = await keyferry([...tryPay, '--path', '/else']);
  expect(elsewhere.stderr).toContain('"pay" takes a path under /pay');
  const misspelt = await keyferry(['routes', 'try', 'pya', '--environment', 'production']);
  expect(misspelt.stderr).toContain('did you mean "pay"?');
  const json = await keyferry([...tryPay, '--json']);
  expect(JSON.parse(json.stdout)).toMatchObject({ status: 200, echoed: ['pay_key'] });
  const forms = formsOf(KEY).filter(({ bytes }) => Buffer.from(written).includes(bytes));
  expect(forms).toEqual([]);
});
