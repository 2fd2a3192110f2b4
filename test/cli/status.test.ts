import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type StandIn, startStandIn } from './admin-stand-in.js';
import { runCaptured } from './capture.js';

const DAY_MS = 86_400_000;
const nowMs = Date.parse('2026-11-21T12:00:00Z');
const ago = (days: number): string => new Date(nowMs - days * DAY_MS).toISOString();

function held(environment: string, days: number, mark: string, more: object = {}) {
  return {
    environment,
    currentVersion: 3,
    currentCreatedAt: ago(days),
    ageDays: days,
    mark,
    expiresAt: null,
    lastUsedAt: ago(0.5),
    ...more,
  };
}

const secrets = [
  {
    name: 'aws',
    rotateEveryDays: 90,
    routes: [],
    environments: [held('production', 100, 'overdue')],
  },
  { name: 'new', rotateEveryDays: 90, routes: [], environments: [] },
  {
    name: 'stripe_api_key',
    rotateEveryDays: 180,
    routes: ['stripe'],
    environments: [
      held('production', 140, 'ageing'),
      held('staging', 2, 'fresh', { lastUsedAt: null }),
      held('development', 2, 'fresh', { expiresAt: ago(1) }),
      held('review', 0, 'fresh', { currentVersion: null, currentCreatedAt: null, mark: null }),
    ],
  },
];

let api: StandIn;
let items: unknown[] = secrets;
beforeEach(async () => {
  items = secrets;
  api = await startStandIn(() => ({ body: { items, nextCursor: null } }));
});
afterEach(() => api.close());
const status = (...argv: string[]) =>
  runCaptured(['status', ...argv], { environment: api.environment, nowMs });

describe('keyferry status', () => {
  it('shows every secret in every environment with its age, last use, due day and mark', async () => {
    expect((await status()).stdout).toBe(
      [
        'SECRET          ENVIRONMENT  VERSION    AGE  LAST USED  NEXT ROTATION  MARK',
        'aws             production         3  100 d   12 h ago       10 d ago  ✗ overdue',
        'new             –                  –      –          –              –  – no value',
        'stripe_api_key  production         3  140 d   12 h ago        in 40 d  ⚠ ageing',
        'stripe_api_key  staging            3    2 d      never       in 178 d  ✓ fresh',
        'stripe_api_key  development        3    2 d   12 h ago        1 d ago  ✗ overdue',
        'stripe_api_key  review             –      –   12 h ago              –  – no value',
        '',
      ].join('\n'),
    );
  });

  it('names the next command for what is overdue or has no value', async () => {
    expect((await status()).stderr).toBe(
      '2 overdue. Next: keyferry versions add aws --environment production, then versions activate.\n' +
        '1 that routes name has no current version: requests that need it fail. Next: keyferry versions add stripe_api_key --environment review\n',
    );
  });

  it('exits with 2 only with --check and something overdue', async () => {
    expect((await status()).exitCode).toBe(0);
    expect((await status('--check')).exitCode).toBe(2);
    expect((await status('--check', '--environment', 'staging')).exitCode).toBe(0);
    items = [];
    expect((await status('--check')).exitCode).toBe(0);
  });

  it('exits with 2 with --check when a route names a secret without a current version', async () => {
    const empty = { name: 'new', rotateEveryDays: 90, environments: [] };
    items = [{ ...empty, routes: ['r'] }];
    expect((await status()).exitCode).toBe(0);
    const check = await status('--check', '--json');
    expect([check.exitCode, JSON.parse(check.stdout).withoutValue]).toEqual([2, 1]);
    items = [{ ...empty, routes: [] }];
    expect((await status('--check')).exitCode).toBe(0);
  });

  it('asks the server for one environment and shows only that', async () => {
    const { stdout } = await status('-e', 'staging');
    expect(api.seen[0]?.url).toBe('/v1/secrets?environment=staging&limit=1000');
    expect(stdout).not.toContain('production');
  });

  it('gives the same facts as JSON', async () => {
    const answer = JSON.parse((await status('--json')).stdout);
    expect(answer.overdue).toBe(2);
    expect(answer.items[0]).toEqual({
      secret: 'aws',
      environment: 'production',
      version: 3,
      ageDays: 100,
      lastUsedAt: ago(0.5),
      nextRotationAt: ago(10),
      mark: 'overdue',
    });
  });

  it('names the next command when there is nothing', async () => {
    items = [];
    expect(await status()).toEqual({
      exitCode: 0,
      stdout: 'No secrets.\n',
      stderr: 'Create one: keyferry secrets create NAME --environment production\n',
    });
  });

  it('colours the marks on a terminal, unless NO_COLOR is set', async () => {
    const terminal = { typed: '', columns: 120, nowMs };
    const plain = { ...api.environment, NO_COLOR: '1' };
    const coloured = await runCaptured(['status'], { ...terminal, environment: api.environment });
    const dull = await runCaptured(['status'], { ...terminal, environment: plain });
    expect(coloured.stdout).toContain('\u001b[31m✗ overdue\u001b[39m');
    expect(dull.stdout + dull.stderr).not.toContain('\u001b');
  });

  it('fits the terminal', async () => {
    items = [{ ...secrets[0], name: 'n'.repeat(100) }];
    const environment = { ...api.environment, NO_COLOR: '1' };
    const { stdout } = await runCaptured(['status'], {
      typed: '',
      columns: 90,
      nowMs,
      environment,
    });
    for (const line of stdout.split('\n')) expect([...line].length).toBeLessThanOrEqual(90);
    expect(stdout).toContain('n…');
  });
});
