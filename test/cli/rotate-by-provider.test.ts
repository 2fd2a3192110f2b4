import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { NO_COUNTS } from '../../src/core/index.js';
import { addSecret, route } from '../admin/start-admin.js';
import { startRotations, type TestRotations } from '../admin/start-rotations.js';
import { TEST_ACTOR } from '../support/open-test-store.js';
import { PATIENCE_MS } from '../support/patience.js';
import { type CapturedRun, type CaptureOptions, runCaptured } from './capture.js';

/** The commands against a real store and engine; the cutover's engine is played by the test. */
let rotations: TestRotations;
let folder: string;
let ticking: NodeJS.Timeout;
/** Every value holds this word; nothing that a command writes may. */
const CANARY = 'canary';

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'keyferry-run-'));
  rotations = await startRotations();
  const { admin } = rotations;
  for (const name of ['free_key', 'pay_key', 'hand_key', 'lone_key', 'fast_key', 'dash_key']) {
    await addSecret(admin, name, ['production']);
  }
  const routes = [route('pay', 'pay_key'), route('hand', 'hand_key')];
  await admin.call('PUT', '/v1/routes', { body: { routes } });
  const open = { gracePeriodMinutes: 0, soakMinutes: 0 };
  await rotations.enable('free_key', open);
  await rotations.enable('fast_key');
  await rotations.enable('pay_key');
  await rotations.enable('dash_key', { ...open, config: { account: 'dash', assisted: true } });
  ticking = setInterval(() => void rotations.go(), 200);
});
afterEach(async () => {
  for (const { id } of await rotations.admin.opened.store.runningCutovers()) {
    await rotations.admin.opened.store.rollbackCutover({
      actor: TEST_ACTOR,
      id,
      reason: 'over',
    });
  }
});
afterAll(async () => {
  clearInterval(ticking);
  await rotations.stop();
  rmSync(folder, { recursive: true });
});

async function run(line: string, options: CaptureOptions = {}): Promise<CapturedRun> {
  const { admin } = rotations;
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
  expect(captured.stdout + captured.stderr).not.toContain(CANARY);
  return captured;
}

async function carryOn(accepted: number): Promise<void> {
  const { store } = rotations.admin.opened;
  const id = await vi.waitFor(async () => {
    const [running] = await store.runningCutovers();
    if (running === undefined) throw new Error('none yet');
    return running.id;
  }, PATIENCE_MS);
  const place = { actor: TEST_ACTOR, id, evidence: null };
  await store.advanceCutover({ ...place, ifState: 'PENDING', ifStep: 0 });
  await store.recordUsage(
    [],
    [
      {
        ...{ ...NO_COUNTS, cutoverId: id, step: 0, side: 'new', route: 'pay' },
        ...{ clientId: 'nobody', accepted },
      },
    ],
  );
  const { settings } = (await store.getCutover(id)) ?? { settings: { steps: [] } };
  if (settings.steps.length > 1) {
    await store.advanceCutover({ ...place, ifState: 'CANARY', ifStep: 0 });
  }
}

const finished = ({ stdout }: CapturedRun): string[] =>
  stdout.split('\n').filter((line) => !line.endsWith('…'));

test('with --wait its steps are shown until the old key is gone, and the report has them', async () => {
  const report = join(folder, 'run.md');
  const shown = await run(`rotate free_key -e production --wait --report ${report}`);
  expect([shown.exitCode, shown.stderr]).toEqual([0, expect.stringContaining(`Wrote ${report}.`)]);
  expect(finished(shown)).toEqual([
    '[1/8] Checking that free_key can be rotated by custom ✓',
    expect.stringMatching(/^\[2\/8] Making a new key at custom… version 2, key key-\d ✓$/),
    '[3/8] Trying version 2 before any traffic ✓',
    expect.stringMatching(/^\[4\/8] Verifying with live traffic.* ✓$/),
    '[5/8] Keeping version 1 live beside it ✓',
    '[6/8] Disabling the key of version 1 ✓',
    '[7/8] Waiting with it off, and not yet gone ✓',
    '[8/8] Revoking the key of version 1 ✓',
    'Done: Version 2 is in use, and version 1 is revoked.',
    '',
  ]);
  const text = readFileSync(report, 'utf8');
  expect(text).toContain('# Rotation of free_key in production by custom\n');
  expect(text).toContain('- [x] old key revoked\n');
  expect(text).not.toContain('- [ ]');
  expect(text).not.toContain(CANARY);
});

test('it is shown until the new version is current, and what follows is said', async () => {
  const running = run('rotate pay_key -e production');
  await carryOn(214);
  const shown = await running;
  expect(shown.exitCode).toBe(0);
  expect(shown.stdout).toContain('[4/8] Verifying with live traffic… 214 requests, 0 refused ✓\n');
  expect(shown.stdout).toContain('Every request takes version 2. What follows by itself:\n');
  expect(shown.stdout).toMatch(/\n {2}both keys stay live until 2026-11-03 /);
  expect(shown.stderr).toContain('keyferry rotation rollback pay_key --environment production');
  const second = await run('rotate pay_key -e production');
  expect([second.exitCode, second.stderr]).toEqual([2, expect.stringContaining('is open (GRACE)')]);
  expect(second.stderr).toContain('keyferry cutover complete pay_key --environment production');
  const urgent = await run('rotate pay_key -e production --emergency --yes');
  expect([urgent.exitCode, urgent.stderr]).toEqual([
    0,
    expect.stringContaining('was open (GRACE): it goes on as an emergency.'),
  ]);
  expect(urgent.stderr).toContain('It replaces version 1. If version 2, which it made, is the one');
  expect(urgent.stdout).toContain('Done: Version 2 is in use, and version 1 is revoked');
  const third = run('rotate pay_key -e production');
  await carryOn(7);
  await third;
  const back = await run('rotation rollback pay_key -e production --reason wrong');
  expect(back.exitCode).toBe(0);
  const ended = await run('rotation show pay_key -e production --watch');
  expect([ended.exitCode, ended.stdout]).toEqual([2, expect.stringContaining('Rolled back: ')]);
  expect(ended.stdout).toContain('wrong');
  const list = await run('rotation list --status failed');
  expect(list.stdout).toMatch(/pay_key +production +custom +✗ failed .* ROLLED_BACK: /);
});

test('with --detach nothing is waited for', async () => {
  const begun = await run('rotate fast_key -e production --detach --json');
  expect(JSON.parse(begun.stdout)).toMatchObject({ run: { state: 'PLANNED' } });
  const both = await run('rotate fast_key -e production --detach --wait');
  expect(both.exitCode).toBe(1);
  const watched = await run('rotation show fast_key -e production --json');
  expect(JSON.parse(watched.stdout).secret).toBe('fast_key');
});

test('an emergency is asked for, and followed until the old key is gone', async () => {
  await vi.waitFor(async () => {
    const found = JSON.parse((await run('rotation show fast_key -e production --json')).stdout);
    expect(found.run.state).toBe('GRACE');
  }, PATIENCE_MS);
  await run('rotation rollback fast_key -e production');
  await run('rotation show fast_key -e production --watch');
  const unasked = await run('rotate fast_key -e production --emergency');
  expect([unasked.exitCode, unasked.stderr]).toEqual([1, expect.stringContaining('give --yes')]);
  const done = await run('rotate fast_key -e production --emergency --yes --reason leaked');
  expect([done.stdout, done.exitCode]).toEqual([expect.stringContaining('is revoked.\n'), 0]);
  const history = await run('rotation history fast_key -e production --limit 1');
  expect(history.stdout).toContain('(emergency)');
  expect(history.stdout).toContain('leaked');
});

test('a value of the own is not taken where the provider makes it, nor other settings', async () => {
  for (const [options, said] of [
    ['--to-version 1', 'custom makes the values of free_key'],
    ['--value-file x', 'custom makes the values of free_key'],
    ['--steps 50', 'keyferry rotation update free_key --environment production'],
  ]) {
    const { exitCode, stderr } = await run(`rotate free_key -e production ${options}`);
    expect([options, exitCode, stderr]).toEqual([options, 1, expect.stringContaining(said ?? '')]);
  }
  const byHand = await run('rotate hand_key -e production --wait');
  expect([byHand.exitCode, byHand.stderr]).toEqual([
    1,
    expect.stringContaining('for secrets that a provider rotates'),
  ]);
});

test('where a person makes the key, it is asked for at the right moment', async () => {
  const value = `${CANARY}-typed-by-a-person`;
  rotations.provider.keys.set('typed', { value, state: 'live' });
  const alone = await run('rotate dash_key -e production', { stdin: '' });
  expect([alone.exitCode, alone.stderr]).toEqual([
    1,
    expect.stringContaining('keyferry rotation value dash_key --environment production'),
  ]);
  const same = await run('rotation value dash_key -e production', {
    stdin: 'value-of-dash_key-in-production\n',
  });
  expect([same.exitCode, same.stderr]).toEqual([2, expect.stringContaining('value_unchanged')]);
  const given = await run('rotation value dash_key -e production --key-id typed', {
    stdin: `${value}\n`,
  });
  expect([given.exitCode, given.stdout]).toEqual([0, expect.stringContaining('version 2')]);
  const ended = await run('rotation show dash_key -e production --watch');
  expect([ended.stdout, ended.exitCode]).toEqual([expect.stringContaining('Done: '), 0]);
});

test('in an emergency without a provider it does what it can, and says what it cannot', async () => {
  const unrouted = await run('rotate lone_key -e production --emergency --yes', {
    stdin: `${CANARY}-lone\n`,
  });
  expect(unrouted.exitCode).toBe(0);
  expect(unrouted.stdout).toContain('Version 1 of lone_key is revoked in production.\n');
  expect(unrouted.stderr).toContain('at its provider the old key still works: revoke it there');
  const running = run('rotate hand_key -e production --emergency --yes --reason leaked', {
    stdin: `${CANARY}-hand\n`,
  });
  await carryOn(1);
  await vi.waitFor(async () => {
    const { store } = rotations.admin.opened;
    const [cutover] = await store.runningCutovers();
    expect(cutover?.settings).toMatchObject({ steps: [100], stepMinSamples: 1, windowMinutes: 0 });
    if (cutover?.state !== 'CURRENT') throw new Error('not yet');
    await store.completeCutover({
      actor: TEST_ACTOR,
      id: cutover.id,
      reason: 'the window is over',
    });
  }, PATIENCE_MS);
  const { exitCode, stdout } = await running;
  expect([exitCode, stdout]).toEqual([
    0,
    expect.stringContaining('Version 1 of hand_key is revoked in production.\n'),
  ]);
});
