import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { type StandIn, startStandIn } from './admin-stand-in.js';
import { runCaptured } from './capture.js';

const ROTATION = {
  secret: 'aws',
  environment: 'production',
  provider: 'custom',
  intervalDays: 90,
  cron: null,
  window: null,
  jitterMinutes: 0,
  timezone: 'UTC',
  nextRunAt: null,
  run: null,
};

async function standIn(): Promise<StandIn> {
  const server = await startStandIn(() => ({
    status: 201,
    headers: { 'content-type': 'application/json' },
    body: ROTATION,
  }));
  onTestFinished(() => server.close());
  return server;
}

/** What `rotation enable` with these options sends. */
async function sent(options: readonly string[], stdin?: string) {
  const server = await standIn();
  const run = await runCaptured(
    ['rotation', 'enable', 'aws', '-e', 'production', '--provider', 'custom', ...options],
    { environment: server.environment, ...(stdin === undefined ? {} : { stdin }) },
  );
  const [request] = server.seen;
  return { ...run, body: request === undefined ? undefined : JSON.parse(request.body) };
}

test('lengths of time are minutes, hours and days', async () => {
  const { body } = await sent(['--grace', '48h', '--soak', '2d', '--jitter', '90']);
  expect(body).toEqual({
    secret: 'aws',
    environment: 'production',
    provider: 'custom',
    gracePeriodMinutes: 2880,
    soakMinutes: 2880,
    jitterMinutes: 90,
  });
  const wrong = await sent(['--grace', 'two days']);
  expect([wrong.exitCode, wrong.body]).toEqual([1, undefined]);
  expect(wrong.stderr).toContain('such as 30m, 48h or 2d');
});

test.each([
  ['mon-fri 09:00-17:00', ['mon', 'tue', 'wed', 'thu', 'fri'], '09:00', '17:00'],
  ['sat,sun 22:00-04:00', ['sat', 'sun'], '22:00', '04:00'],
  ['fri-mon 00:00-23:59', ['mon', 'fri', 'sat', 'sun'], '00:00', '23:59'],
  ['02:00-05:00', ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'], '02:00', '05:00'],
])('the window %s', async (text, days, from, until) => {
  expect((await sent(['--window', text])).body.window).toEqual({ days, from, until });
});

test('no window is one too, and what is none is refused', async () => {
  expect((await sent(['--window', 'any'])).body.window).toBeNull();
  for (const text of [
    'mon',
    '9:00-17:00',
    'mon-tue-wed 09:00-10:00',
    'mo 09:00-10:00',
    '25:00-26:00',
  ]) {
    const { exitCode, stderr, body } = await sent(['--window', text]);
    expect([text, exitCode, body]).toEqual([text, 1, undefined]);
    expect(stderr).toContain('--window takes days and hours');
  }
});

test('the config is JSON, a file of it, or standard input', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'keyferry-config-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'aws.json');
  const config = { userName: 'shop', accessKeySecret: 'rotator' };
  writeFileSync(file, JSON.stringify(config));
  for (const given of [JSON.stringify(config), file, `@${file}`]) {
    expect((await sent(['--config', given])).body.config).toEqual(config);
  }
  expect((await sent(['--config', '-'], JSON.stringify(config))).body.config).toEqual(config);
  writeFileSync(file, '[1]');
  for (const given of ['{"userName":', file, join(folder, 'none.json')]) {
    const { exitCode, stderr, body } = await sent(['--config', given]);
    expect([exitCode, body]).toEqual([1, undefined]);
    expect(stderr).toContain('--config');
    // A value that was meant for somewhere else is not repeated.
    expect(stderr).not.toContain(folder);
  }
});

test('how it goes live is said as for a cutover, but for its window', async () => {
  const { body } = await sent(['--steps', '5,100', '--route', 'shop', '--sticky-clients']);
  expect(body.cutover).toEqual({ steps: [5, 100], routes: ['shop'], stickyClients: true });
  const refused = await sent(['--window-minutes', '5']);
  expect([refused.exitCode, refused.body]).toEqual([1, undefined]);
});

test('a credential in the config is refused as anywhere in a command', async () => {
  const { exitCode, stderr, body } = await sent(['--config', '{"key":"AKIAIOSFODNN7EXAMPLE"}']);
  expect([exitCode, body]).toEqual([1, undefined]);
  expect(stderr).toContain('looks like a secret value');
});
