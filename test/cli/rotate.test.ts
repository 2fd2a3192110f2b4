import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { NO_COUNTS } from '../../src/core/index.js';
import { addSecret, route, startAdmin, type TestAdmin } from '../admin/start-admin.js';
import { TEST_ACTOR } from '../support/open-test-store.js';
import { PATIENCE_MS } from '../support/patience.js';
import { type CapturedRun, type CaptureOptions, runCaptured } from './capture.js';

let admin: TestAdmin;
let clientId: string;
let folder: string;
/** What goes in; a command that repeats it fails the test. */
const given: string[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'keyferry-rotate-'));
  admin = await startAdmin();
  await addSecret(admin, 'pay_key', ['production']);
  await addSecret(admin, 'spare_key', ['production']);
  await admin.call('PUT', '/v1/routes', { body: { routes: [route('stripe', 'pay_key')] } });
  const created = await admin.call('POST', '/v1/clients', {
    body: { name: 'shop', environment: 'production' },
  });
  clientId = created.body.id;
});
afterEach(async () => {
  for (const { id } of await admin.opened.store.runningCutovers()) {
    await admin.opened.store.rollbackCutover({ actor: TEST_ACTOR, id, reason: 'over' });
  }
});
afterAll(async () => {
  await admin.stop();
  rmSync(folder, { recursive: true });
});

async function run(line: string, options: CaptureOptions = {}): Promise<CapturedRun> {
  const value = (options.typed ?? String(options.stdin ?? '')).trim();
  if (value !== '') given.push(value);
  const captured = await runCaptured(line.split(' '), {
    environment: {
      KEYFERRY_ADMIN_URL: admin.origin,
      KEYFERRY_ADMIN_TOKEN: admin.rootToken,
      NO_COLOR: '1',
    },
    nowMs: admin.opened.clock.now(),
    ...options,
    ports: { untilStopSignal: () => new Promise(() => undefined), ...options.ports },
  });
  for (const text of given) expect(captured.stdout + captured.stderr).not.toContain(text);
  return captured;
}

async function runningId(): Promise<string> {
  return vi.waitFor(async () => {
    const [running] = await admin.opened.store.runningCutovers();
    if (running === undefined) throw new Error('none yet');
    return running.id;
  }, PATIENCE_MS);
}

/** The engine's part, played by the test: every step with some requests. */
async function carryOn(id: string, accepted: number): Promise<void> {
  const { store } = admin.opened;
  const place = { actor: TEST_ACTOR, id, evidence: null };
  await store.advanceCutover({ ...place, ifState: 'PENDING', ifStep: 0 });
  await store.recordUsage(
    [],
    [{ ...NO_COUNTS, cutoverId: id, step: 0, side: 'new', route: 'stripe', clientId, accepted }],
  );
  await store.advanceCutover({ ...place, ifState: 'CANARY', ifStep: 0 });
}

const versionsOf = async (secret: string) => {
  const path = `/v1/secrets/${secret}/environments/production/versions`;
  const { body } = await admin.call('GET', path);
  return body.items.map(({ version, state }: { version: number; state: string }) => [
    version,
    state,
  ]);
};

test('takes a value, shows each step, and writes a checklist', async () => {
  const report = join(folder, 'rotation.md');
  const running = run(`rotate pay_key -e production --note fresh --report ${report}`, {
    stdin: 'a-new-value-1\n',
  });
  const id = await runningId();
  await carryOn(id, 214);
  const { exitCode, stdout, stderr } = await running;
  expect(exitCode).toBe(0);
  const lines = stdout.split('\n').filter((line) => !line.endsWith('…'));
  expect(lines).toEqual([
    '[1/5] Staged: version 2 of pay_key in production ✓',
    '[2/5] Trying version 2 before any traffic… no route has a probe ✓',
    '[3/5] Verifying with live traffic (10 %)… 214 requests, 0 refused ✓',
    '[4/5] Current: every request takes version 2 ✓',
    '[5/5] Keeping version 1 live beside it until 2026-11-03 00:00Z ✓',
    '',
  ]);
  expect(stderr).toContain(`Wrote ${report}.`);
  const text = readFileSync(report, 'utf8');
  expect(text).toContain('- [x] verified with 214 accepted requests, 0 refused\n');
  expect(text).toContain('- [x] version 2 is current\n');
  expect(text).toContain('- [ ] version 1 can be revoked: ');
  expect(text).toContain(
    '- [ ] then revoke the old key at the provider, not before 2026-11-03T00:00:00.000Z\n',
  );
  for (const value of given) expect(text).not.toContain(value);
});

test('asks at a hidden prompt where a person is there', async () => {
  const running = run('rotate pay_key -e production', { typed: 'typed-value-1\r', columns: 100 });
  await carryOn(await runningId(), 1);
  const { exitCode, stdout } = await running;
  expect(exitCode).toBe(0);
  expect(stdout).toContain('[3/5] Verifying with live traffic (10 %)… 1 request, 0 refused ✓');
});

test('takes a version that is staged already', async () => {
  const path = '/v1/secrets/pay_key/environments/production/versions';
  const { body } = await admin.call('POST', path, { body: { value: 'value-added-before' } });
  const before = await versionsOf('pay_key');
  const running = run(`rotate pay_key -e production --to-version ${body.version}`);
  await carryOn(await runningId(), 5);
  expect((await running).exitCode).toBe(0);
  expect((await versionsOf('pay_key')).length).toBe(before.length);
  const both = await run(`rotate pay_key -e production --to-version 1 --value-file x`);
  expect(both.stderr).toContain('--to-version takes a version that has its value already');
});

test('exits with 2 when the new version is refused, and the report says what is left', async () => {
  const report = join(folder, 'refused.md');
  const running = run(`rotate pay_key -e production --report ${report}`, {
    stdin: 'a-wrong-value-1',
  });
  const id = await runningId();
  const { store } = admin.opened;
  await store.rollbackCutover({ actor: TEST_ACTOR, id, reason: 'refused 2 of 2 requests' });
  const { exitCode, stdout } = await running;
  expect(exitCode).toBe(2);
  expect(stdout).toContain('Rolled back: refused 2 of 2 requests\n');
  const text = readFileSync(report, 'utf8');
  expect(text).toContain('- [x] rolled back: refused 2 of 2 requests\n');
  expect(text).toContain('- [ ] revoke the new key at the provider if it is not to be used\n');
});

test('refuses the value that is current, and leaves nothing behind', async () => {
  const before = await versionsOf('spare_key');
  const { exitCode, stdout, stderr } = await run('rotate spare_key -e production', {
    stdin: 'value-of-spare_key-in-production',
  });
  expect(exitCode).toBe(2);
  expect(stderr).toContain('holds the same value as version 1, which is current');
  expect(stderr).toContain('Version 2 was destroyed again; nothing else was changed.');
  expect(stderr).toContain('warning: no applied route names spare_key');
  expect(stdout).toContain('[1/5] Staged: version 2');
  expect(await versionsOf('spare_key')).toEqual([[2, 'destroyed'], ...before]);
});

test('says how to go on when only the cutover is refused', async () => {
  const { exitCode, stderr } = await run(
    'rotate pay_key -e production --steps 5 --route strip --window-minutes 60',
    { stdin: 'a-value-kept-staged' },
  );
  expect(exitCode).toBe(2);
  expect(stderr).toContain('did you mean "stripe"?');
  const [[staged]] = await versionsOf('pay_key');
  expect(stderr).toContain(
    `Go on: keyferry rotate pay_key --environment production --to-version ${staged} --steps 5 --window-minutes 60 --route strip`,
  );
});

test('asks for nothing where there is nothing to rotate, or one is under way', async () => {
  const unknown = await run('rotate pay_ky -e production', { stdin: 'never-read' });
  expect(unknown.exitCode).toBe(2);
  expect(unknown.stderr).toContain('pay_key');
  const empty = await run('rotate pay_key -e staging', { stdin: 'never-read' });
  expect(empty.stderr).toContain(
    'has no current version in staging, so there is nothing to rotate',
  );
  expect(empty.stderr).toContain('keyferry versions add pay_key --environment staging');
  const before = await versionsOf('pay_key');
  const { body } = await admin.call(
    'POST',
    '/v1/secrets/pay_key/environments/production/cutovers',
    { body: { toVersion: before[0][0] } },
  );
  const second = await run('rotate pay_key -e production', { stdin: 'never-read' });
  expect(second.exitCode).toBe(1);
  expect(second.stderr).toContain('a cutover of pay_key in production is under way');
  expect(second.stderr).toContain(`keyferry cutover show ${body.id} --watch`);
  expect(await versionsOf('pay_key')).toEqual(before);
});

test('is left with Ctrl-C while the cutover goes on', async () => {
  let leave: () => void = () => undefined;
  const left = new Promise<string>((resolve) => {
    leave = () => resolve('SIGINT');
  });
  const running = run('rotate pay_key -e production', {
    stdin: 'a-value-left-alone',
    ports: { untilStopSignal: () => left },
  });
  const id = await runningId();
  leave();
  const { exitCode, stderr } = await running;
  expect(exitCode).toBe(1);
  expect(stderr).toContain(`keyferry cutover show ${id} --watch`);
  expect((await admin.opened.store.getCutover(id))?.state).toBe('PENDING');
});
