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
    nextRotationAt: ago(days - 90),
    lastUsedAt: ago(0.5),
    rotation: null,
    ...more,
  };
}

const noValue = { currentVersion: null, currentCreatedAt: null, nextRotationAt: null, mark: null };

const secrets = [
  {
    name: 'aws',
    rotateEveryDays: 90,
    routesByEnvironment: {},
    environments: [held('production', 100, 'overdue')],
  },
  { name: 'new', rotateEveryDays: 90, routesByEnvironment: {}, environments: [] },
  {
    name: 'stripe_api_key',
    rotateEveryDays: 180,
    routesByEnvironment: { production: ['stripe'], review: ['stripe'], qa: ['stripe'] },
    environments: [
      held('production', 140, 'ageing', { nextRotationAt: ago(-40) }),
      held('staging', 2, 'fresh', { lastUsedAt: null, nextRotationAt: ago(-178) }),
      held('development', 2, 'overdue', { expiresAt: ago(1), nextRotationAt: ago(1) }),
      held('review', 0, 'fresh', noValue),
    ],
  },
];

let api: StandIn;
let items: unknown[] = secrets;
let cutovers: unknown[] = [];
beforeEach(async () => {
  items = secrets;
  cutovers = [];
  api = await startStandIn(({ url }) => ({
    body: { items: url.startsWith('/v1/cutovers') ? cutovers : items, nextCursor: null },
  }));
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
        'stripe_api_key  qa                 –      –      never              –  – no value',
        '',
        'NEEDS ATTENTION  COUNT  WHICH',
        '✗ overdue            2  aws in production, stripe_api_key in development',
        '✗ no value           2  stripe_api_key in review, stripe_api_key in qa',
        '',
      ].join('\n'),
    );
  });

  it('names the next command for what is overdue or has no value', async () => {
    expect((await status()).stderr).toBe(
      'Next: keyferry rotate aws --environment production\n' +
        'Requests on route stripe in review fail. Next: keyferry versions add stripe_api_key --environment review\n',
    );
  });

  it('exits with 2 only with --check and something overdue', async () => {
    expect((await status()).exitCode).toBe(0);
    expect((await status('--check')).exitCode).toBe(2);
    expect((await status('--check', '--environment', 'staging')).exitCode).toBe(0);
    items = [];
    expect((await status('--check')).exitCode).toBe(0);
  });

  it('exits with 2 with --check when a route needs a secret where it has no current version', async () => {
    const empty = { name: 'new', rotateEveryDays: 90, environments: [] };
    items = [{ ...empty, routesByEnvironment: { production: ['r'] } }];
    expect((await status()).exitCode).toBe(0);
    const check = await status('--check', '--json');
    expect([check.exitCode, JSON.parse(check.stdout).withoutValue]).toEqual([2, 1]);
    expect((await status('--check', '-e', 'staging')).exitCode).toBe(0);
    expect((await status('--check', '-e', 'production')).exitCode).toBe(2);
    items = [{ ...empty, routesByEnvironment: {} }];
    expect((await status('--check')).exitCode).toBe(0);
  });

  it('asks the server for one environment and shows only that', async () => {
    const { stdout } = await status('-e', 'staging');
    expect(api.seen.map(({ url }) => url)).toEqual([
      '/v1/secrets?environment=staging&limit=1',
      '/v1/secrets?limit=1000',
      '/v1/cutovers?running=true&environment=staging&limit=1000',
    ]);
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
      rotation: null,
      routes: [],
      mark: 'overdue',
      attention: ['overdue'],
    });
  });

  it('says what expires soon and what nobody uses', async () => {
    const unused = { lastUsedAt: ago(31) };
    items = [
      {
        name: 'db',
        rotateEveryDays: 90,
        routesByEnvironment: {},
        environments: [
          held('production', 40, 'fresh', unused),
          held('staging', 40, 'fresh', { lastUsedAt: null }),
          held('review', 20, 'fresh', { lastUsedAt: null, expiresAt: ago(-6) }),
          held('qa', 40, 'fresh', { expiresAt: ago(-8) }),
        ],
      },
    ];
    expect((await status()).stdout.split('\n\n')[1]).toBe(
      [
        'NEEDS ATTENTION       COUNT  WHICH',
        '⚠ expires in 7 days       1  db in review',
        '⚠ unused for 30 days      2  db in production, db in staging',
        '',
      ].join('\n'),
    );
  });

  it('shows the cutovers that are under way', async () => {
    const cutover = { secret: 'aws', environment: 'production', toVersion: 4, toSecret: null };
    const steps = { state: 'CANARY', percent: 10, paused: false, hold: null, windowEndsAt: null };
    const hold = {
      reason: 'upstream_failing',
      explanation: 'the upstream fails',
      whatToDo: 'wait',
    };
    cutovers = [
      { ...cutover, ...steps },
      { ...cutover, ...steps, secret: 'db', hold },
      { ...cutover, ...steps, secret: 'old', toSecret: 'new', paused: true },
      { ...cutover, ...steps, secret: 'x', state: 'CURRENT', percent: 100, windowEndsAt: ago(-2) },
    ];
    const [, table, attention] = (await status()).stdout.split('\n\n');
    expect(table).toBe(
      [
        'CUTOVER OF  ENVIRONMENT  TO         STATE    SHARE  NOTE',
        'aws         production   version 4  CANARY    10 %  –',
        'db          production   version 4  CANARY    10 %  held: the upstream fails',
        'old         production   new        CANARY    10 %  paused',
        'x           production   version 4  CURRENT  100 %  old one kept until 2026-11-23 12:00Z',
      ].join('\n'),
    );
    expect(attention).toContain(
      '⚠ cutover stands still      2  db in production, old in production',
    );
    expect(JSON.parse((await status('--json')).stdout).cutovers).toHaveLength(4);
  });

  it('names the next command when there is nothing', async () => {
    items = [];
    expect(await status()).toEqual({
      exitCode: 0,
      stdout: 'No secrets.\n',
      stderr: 'Create one: keyferry secrets create NAME --environment production\n',
    });
  });

  it('shows what rotates by itself, and which run needs a person', async () => {
    const rotation = (
      status: string,
      run: object | null,
      more: { nextRunAt?: null; state?: string } = {},
    ) => {
      const { nextRunAt = ago(-12) } = more;
      const own = { id: 'r', provider: 'aws', state: 'active', status, run, ...more };
      return { nextRotationAt: nextRunAt, rotation: { ...own, nextRunAt } };
    };
    const run = (state: string) => ({ id: 'n', state, problem: null });
    items = [
      {
        name: 'aws',
        rotateEveryDays: 90,
        routesByEnvironment: {},
        environments: [
          held('a', 2, 'fresh', rotation('ok', null)),
          held('b', 2, 'fresh', rotation('running', run('GRACE'), { nextRunAt: null })),
          held('c', 2, 'fresh', rotation('failed', run('ROLLED_BACK'))),
          held('d', 2, 'fresh', rotation('running', run('AWAITING_VALUE'), { nextRunAt: null })),
          held('e', 2, 'fresh', rotation('paused', null, { state: 'paused' })),
        ],
      },
    ];
    const { stdout, stderr } = await status();
    const next = [...stdout.matchAll(/ ((?:in \d+ d|[A-Z_]+|paused) \(aws\)) /g)];
    expect(next.map(([, text]) => text)).toEqual([
      'in 12 d (aws)',
      'GRACE (aws)',
      'in 12 d (aws)',
      'AWAITING_VALUE (aws)',
      'paused (aws)',
    ]);
    expect(stdout).toContain('✗ rotation failed                 1  aws in c\n');
    expect(stdout).toContain('⚠ rotation waits for a value      1  aws in d\n');
    expect(stderr).toContain('keyferry rotation list --status failed');
    expect(stderr).toContain('keyferry rotation value aws --environment d');
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
    items = [{ ...secrets[0], name: 'n'.repeat(100) }, ...secrets];
    const environment = { ...api.environment, NO_COLOR: '1' };
    const { stdout } = await runCaptured(['status'], {
      typed: '',
      columns: 80,
      nowMs,
      environment,
    });
    for (const line of stdout.split('\n')) expect([...line].length).toBeLessThanOrEqual(80);
    expect(stdout).toContain('n…');
  });
});
