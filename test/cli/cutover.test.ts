import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { type CutoverDelta, NO_COUNTS, PROBE_CLIENT } from '../../src/core/index.js';
import { addSecret, route, startAdmin, type TestAdmin } from '../admin/start-admin.js';
import { startBreakableRelay } from '../support/breakable-relay.js';
import { TEST_ACTOR } from '../support/open-test-store.js';
import { PATIENCE_MS } from '../support/patience.js';
import { type CapturedRun, type CaptureOptions, runCaptured } from './capture.js';

let admin: TestAdmin;
let clientId: string;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'keyferry-cutover-'));
  admin = await startAdmin();
  await addSecret(admin, 'pay_key', ['production']);
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

const place = '/v1/secrets/pay_key/environments/production';

function run(
  line: string,
  options: CaptureOptions & { origin?: string } = {},
): Promise<CapturedRun> {
  return runCaptured(line.split(' '), {
    environment: {
      KEYFERRY_ADMIN_URL: options.origin ?? admin.origin,
      KEYFERRY_ADMIN_TOKEN: admin.rootToken,
    },
    nowMs: admin.opened.clock.now(),
    ...options,
    ports: { untilStopSignal: () => new Promise(() => undefined), ...options.ports },
  });
}

async function addVersion(): Promise<number> {
  const { body } = await admin.call('POST', `${place}/versions`, {
    body: { value: `value-${Math.random()}` },
  });
  return body.version;
}

async function start(settings: object = {}): Promise<{ id: string; from: number; to: number }> {
  const toVersion = await addVersion();
  const { body } = await admin.call('POST', `${place}/cutovers`, {
    body: { toVersion, ...settings },
  });
  return { id: body.id, from: body.fromVersion, to: body.toVersion };
}

/** The engine's part, played by the test. */
function advance(id: string, ifState: 'PENDING' | 'CANARY', ifStep: number) {
  const { store } = admin.opened;
  return store.advanceCutover({ actor: TEST_ACTOR, id, ifState, ifStep, evidence: null });
}

async function observe(id: string, step: number, more: Partial<CutoverDelta>): Promise<void> {
  await admin.opened.store.recordUsage(
    [],
    [{ ...NO_COUNTS, cutoverId: id, step, side: 'new', route: 'stripe', clientId, ...more }],
  );
}

/** Waits until a reader of events has been told twice what there was at the beginning. */
async function untilTold(): Promise<void> {
  const asked = vi.spyOn(admin.opened.store, 'observationsOf');
  await vi.waitFor(() => expect(asked.mock.calls.length).toBeGreaterThan(1), PATIENCE_MS);
  asked.mockRestore();
}

async function runningId(): Promise<string> {
  return vi.waitFor(async () => {
    const [running] = await admin.opened.store.runningCutovers();
    if (running === undefined) throw new Error('none yet');
    return running.id;
  }, PATIENCE_MS);
}

describe('cutover start --watch', () => {
  test('shows each step when it is over, and ends when the new version is current', async () => {
    const to = await addVersion();
    const running = run(
      `cutover start pay_key -e production --to-version ${to} --steps 10,50 --watch`,
    );
    const id = await runningId();
    await observe(id, 0, { accepted: 2, clientId: PROBE_CLIENT });
    await advance(id, 'PENDING', 0);
    await observe(id, 0, { accepted: 60 });
    await untilTold();
    await advance(id, 'CANARY', 0);
    await observe(id, 1, { accepted: 213, refused: 1, sharedRefusals: 1 });
    await untilTold();
    await advance(id, 'CANARY', 1);
    const { exitCode, stdout, stderr } = await running;
    expect(exitCode).toBe(0);
    expect(stdout.split('\n')).toEqual([
      `Cutover of pay_key in production from version 1 to version ${to}: ${id}`,
      ...(stdout.includes('[1/5] Trying version 2 before any traffic…\n')
        ? ['[1/5] Trying version 2 before any traffic…']
        : []),
      `[1/5] Trying version ${to} before any traffic… 2 probes accepted ✓`,
      '[2/5] Verifying with live traffic (10 %)…',
      '[2/5] Verifying with live traffic (10 %)… 60 requests, 0 refused, 2 probes accepted ✓',
      '[3/5] Verifying with live traffic (50 %)…',
      '[3/5] Verifying with live traffic (50 %)… 214 requests, 1 refused, 1 of them refused with both ✓',
      `[4/5] Current: every request takes version ${to} ✓`,
      '[5/5] Keeping version 1 live beside it until 2026-11-03 00:00Z ✓',
      '',
    ]);
    expect(stderr).toContain(`keyferry cutover rollback ${id}`);
  });

  test('exits with 2 when it is rolled back, and says why', async () => {
    const to = await addVersion();
    const running = run(`cutover start pay_key -e production --to-version ${to} --watch`);
    const id = await runningId();
    await advance(id, 'PENDING', 0);
    await observe(id, 0, { accepted: 1, refused: 4, pairedRefusals: 4 });
    await untilTold();
    const { store } = admin.opened;
    const reason = 'the upstream refuses version 2 and accepts version 1';
    await store.rollbackCutover({ actor: TEST_ACTOR, id, reason });
    const { exitCode, stdout } = await running;
    expect(exitCode).toBe(2);
    expect(stdout).toContain(
      '[2/4] Verifying with live traffic (10 %)… 5 requests, 4 refused, 4 of them accepted with the other version ✗\n' +
        `Rolled back: ${reason}\nEvery request takes version 1 again.\n`,
    );
  });

  test('says what keeps it from going on, once', async () => {
    const { id } = await start();
    await advance(id, 'PENDING', 0);
    const { store } = admin.opened;
    const place = { actor: TEST_ACTOR, id, ifState: 'CANARY', ifStep: 0, evidence: null } as const;
    await store.holdCutover({ ...place, hold: 'upstream_failing' });
    const running = run(`cutover show ${id} --watch`);
    await untilTold();
    await observe(id, 0, { accepted: 1 });
    await untilTold();
    await store.holdCutover({ ...place, hold: null });
    await untilTold();
    await store.completeCutover({ actor: TEST_ACTOR, id, reason: 'over' });
    const { exitCode, stdout } = await running;
    expect(exitCode).toBe(0);
    expect(stdout.match(/It holds\. The upstream fails with both versions\./g)).toHaveLength(1);
    expect(stdout).toContain('  It goes on.\n');
  });

  test('prints the cutover alone with --json', async () => {
    const to = await addVersion();
    const running = run(`cutover start pay_key -e production --to-version ${to} --watch --json`);
    const id = await runningId();
    await admin.opened.store.completeCutover({ actor: TEST_ACTOR, id, reason: 'over' });
    const { exitCode, stdout, stderr } = await running;
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout)).toMatchObject({ id, state: 'COMPLETED' });
  });
});

describe('watching', () => {
  test('in a terminal shows the step that is under way in one line that changes', async () => {
    const { id } = await start();
    await advance(id, 'PENDING', 0);
    await observe(id, 0, { accepted: 12 });
    const running = run(`cutover show ${id} --watch`, { typed: '', columns: 120 });
    await untilTold();
    await admin.opened.store.completeCutover({ actor: TEST_ACTOR, id, reason: 'over' });
    const { stdout } = await running;
    expect(stdout).toContain(
      '\r[2/4] Verifying with live traffic (10 %)… 12 requests (12 of 50 samples)',
    );
    expect(stdout).not.toContain('(10 %)…\n');
  });

  test('is left with Ctrl-C, and says how to go on', async () => {
    const { id } = await start();
    let leave: () => void = () => undefined;
    const left = new Promise<string>((resolve) => {
      leave = () => resolve('SIGINT');
    });
    const running = run(`cutover show ${id} --watch`, { ports: { untilStopSignal: () => left } });
    await untilTold();
    leave();
    const { exitCode, stderr } = await running;
    expect(exitCode).toBe(1);
    expect(stderr).toContain(`keyferry cutover show ${id} --watch`);
    expect((await admin.opened.store.getCutover(id))?.state).toBe('PENDING');
  });

  test('goes on when the server was away', async () => {
    const relay = await startBreakableRelay(admin.origin);
    const { id } = await start();
    const running = run(`cutover show ${id} --watch`, { origin: relay.origin });
    await untilTold();
    await relay.break();
    await advance(id, 'PENDING', 0);
    await observe(id, 0, { accepted: 5 });
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await relay.mend();
    await untilTold();
    await advance(id, 'CANARY', 0);
    const { exitCode, stdout, stderr } = await running;
    expect(exitCode).toBe(0);
    expect(stderr).toContain('warning: the server does not answer; trying again');
    expect(stderr).toContain('The server answers again.');
    expect(stdout).toContain('5 requests, 0 refused ✓');
  });

  test('ends when the token counts no more', async () => {
    const { id } = await start();
    const { store, tokens } = admin.opened;
    const token = await admin.mint({ role: 'viewer' });
    const running = run(`cutover show ${id} --watch`, {
      environment: { KEYFERRY_ADMIN_URL: admin.origin, KEYFERRY_ADMIN_TOKEN: token },
    });
    await untilTold();
    const found = await store.findAdmin(tokens.idOf(token) ?? '');
    await store.revokeAdmin({ actor: TEST_ACTOR, id: found?.id ?? '' });
    const { exitCode, stderr } = await running;
    expect(exitCode).toBe(2);
    expect(stderr).toContain('(unauthenticated)');
  });
});

describe('cutover show', () => {
  test('is found by secret and environment, and writes a report', async () => {
    const { id, from, to } = await start();
    await advance(id, 'PENDING', 0);
    await observe(id, 0, { accepted: 12 });
    await observe(id, 0, { accepted: 70, side: 'old' });
    const file = join(folder, 'report.md');
    const { exitCode, stdout } = await run(
      `cutover show pay_key --environment production --report ${file}`,
    );
    expect(exitCode).toBe(0);
    expect(stdout).toContain(`id         ${id}\n`);
    expect(stdout).toContain(`CANARY: 10 % of the requests take version ${to}`);
    expect(stdout).toContain('12 of 50 samples');
    const report = readFileSync(file, 'utf8');
    expect(report).toContain('# Rotation of pay_key in production\n');
    expect(report).toContain(`| from | version ${from} of pay_key |`);
    expect(report).toContain(`| 10 % | ${from} | 70 | 0 | 0 | 0 | 0 | – |`);
    expect(report).toContain(`| 10 % | ${to} | 12 | 0 | 0 | 0 | 0 | 0 |`);
    expect(report).toContain('| 10 % | stripe | shop | 12 | 0 |');
    expect(report).toContain('- [ ] verified with 12 accepted requests, 0 refused');
    expect(report).toContain(
      `\`keyferry versions revoke pay_key ${from} --environment production\``,
    );
  });

  test.each([
    ['cutover show pay_key', 'this is not the id of a cutover'],
    ['cutover show nothing -e production', 'There is no secret "nothing"'],
    ['cutover pause pay_key -e production', 'no cutover is under way of pay_key in production'],
    ['cutover show pay_key -e production --report /nowhere/at/all.md', 'cannot be written to'],
  ])('%s: %s', async (line, message) => {
    const { exitCode, stderr } = await run(line);
    expect([1, 2]).toContain(exitCode);
    expect(stderr).toContain(message);
  });
});

describe('options', () => {
  test('reach the server', async () => {
    const to = await addVersion();
    const { stdout } = await run(
      `cutover start pay_key -e production --to-version ${to} --steps 1,20 --step-min-samples 7 --step-min-seconds 0 --max-refusal-ratio 0.05 --window-minutes 0 --route stripe --client shop --on-refusal hold --sticky-clients --json`,
    );
    expect(JSON.parse(stdout).settings).toEqual({
      steps: [1, 20, 100],
      stepMinSamples: 7,
      stepMinSeconds: 0,
      maxRefusalRatio: 0.05,
      windowMinutes: 0,
      routes: ['stripe'],
      clients: ['shop'],
      onRefusal: 'hold',
      stickyClients: true,
    });
  });

  test.each([
    ['--steps 10,5', '--steps takes ascending percents'],
    ['--steps ten', '--steps takes ascending percents'],
    ['--max-refusal-ratio 2', '--max-refusal-ratio takes a number from 0 to 1'],
    ['--step-min-samples 0', '--step-min-samples takes a whole number of at least 1'],
    ['--on-refusal wait', 'Allowed choices are rollback, hold'],
  ])('%s', async (option, message) => {
    const line = `cutover start pay_key -e production --to-version 2 ${option}`;
    const { exitCode, stderr } = await run(line);
    expect(exitCode).toBe(1);
    expect(stderr).toContain(message);
  });
});
