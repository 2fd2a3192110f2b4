import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type StandIn, type StandInAnswer, startStandIn } from './admin-stand-in.js';
import { runCaptured } from './capture.js';

let api: StandIn | undefined;
afterEach(() => api?.close());

async function status(answer: StandInAnswer | (() => StandInAnswer), argv: string[] = []) {
  api = await startStandIn(() => (typeof answer === 'function' ? answer() : answer));
  return runCaptured(['status', ...argv], { environment: api.environment });
}

describe('a refusal', () => {
  const body = {
    code: 'routes_invalid',
    title: 'The routes document is not valid',
    detail: '2 problems',
    requestId: 'r1',
    errors: [
      { path: 'routes[0].match', message: 'missing' },
      { path: 'routes[1].environments.prodution', message: 'not declared', nearest: 'production' },
      { path: 'routes[2].name', message: 'taken', line: 7, column: 3 },
    ],
  };

  it('shows the detail, the code, and every problem with its place and nearest spelling', async () => {
    expect(await status({ status: 422, body })).toEqual({
      exitCode: 2,
      stdout: '',
      stderr:
        'error: 2 problems (routes_invalid)\n' +
        '  routes[0].match: missing\n' +
        '  routes[1].environments.prodution: not declared\n' +
        '    did you mean "production"?\n' +
        '  routes[2].name (line 7, column 3): taken\n' +
        'Where only a secret or its value is missing: keyferry secrets create, keyferry versions add, or --allow-missing\n',
    });
  });

  it('is one JSON document with --json', async () => {
    const run = await status({ status: 422, body }, ['--json']);
    expect(run.exitCode).toBe(2);
    expect(JSON.parse(run.stderr)).toMatchObject({ code: body.code, errors: body.errors });
  });

  it('of a token says where the token came from and never shows it', async () => {
    const run = await status({ status: 401, body: { code: 'unauthenticated', detail: 'No.' } });
    expect(run.exitCode).toBe(2);
    expect(run.stderr).toContain('The token came from KEYFERRY_ADMIN_TOKEN.');
    expect(run.stderr).not.toContain('xxx');
  });

  it.each([
    [403, 'forbidden', 'The token came from KEYFERRY_ADMIN_TOKEN.'],
    [409, 'conflict', ''],
  ])('%d %s: the next step is %j', async (code, name, hint) => {
    const run = await status({ status: code, body: { code: name, detail: 'No.' } });
    expect(run.stderr).toBe(`error: No. (${name})\n${hint === '' ? '' : `${hint}\n`}`);
  });

  it('cannot write control characters to the terminal', async () => {
    const detail = 'a\u001b[2Jb\u202ec';
    const run = await status({ status: 409, body: { code: 'conflict', detail } });
    expect(run.stderr).toBe('error: a\\u001b[2Jb\\u202ec (conflict)\n');
  });
});

describe('what is not the admin API', () => {
  it.each<[string, StandInAnswer]>([
    ['HTML', { status: 200, body: '<html></html>' }],
    ['an error page', { status: 502, body: 'bad gateway' }],
    ['the proxy', { status: 401, body: { code: 'client_unauthenticated', detail: 'No.' } }],
    ['a redirect', { status: 302, headers: { location: 'http://127.0.0.1:9/' }, body: '' }],
  ])('is told apart: %s', async (_name, answer) => {
    const run = await status(answer);
    expect(run.exitCode).toBe(1);
    expect(run.stderr).toContain("is not Keyferry's admin API");
    expect(api?.seen.length).toBe(1);
  });

  it('or nothing at all: says how to start a server', async () => {
    const stopped = await startStandIn(() => ({}));
    await stopped.close();
    const run = await runCaptured(['status'], { environment: stopped.environment });
    expect(run.exitCode).toBe(1);
    expect(run.stderr).toContain('(ECONNREFUSED)');
    expect(run.stderr).toContain('keyferry serve');
  });
});

describe('lists', () => {
  it('are read page by page', async () => {
    let page = 0;
    const run = await status(() => {
      page++;
      return { body: { items: [], nextCursor: page < 3 ? `c${page}` : null } };
    }, ['--json']);
    expect(run.exitCode).toBe(0);
    const seen = api?.seen.map(({ url }) => url);
    expect(seen?.filter((url) => url.startsWith('/v1/secrets'))).toEqual([
      '/v1/secrets?limit=1000',
      '/v1/secrets?limit=1000&cursor=c1',
      '/v1/secrets?limit=1000&cursor=c2',
    ]);
  });
});

describe('the admin token', () => {
  const token = `kfa_${'y'.repeat(40)}`;

  it('comes from the data folder, or from a file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'keyferry-token-'));
    try {
      writeFileSync(join(folder, 'admin-token'), `${token}\n`);
      api = await startStandIn(() => ({ body: { items: [], nextCursor: null } }));
      const { KEYFERRY_ADMIN_URL } = api.environment as { KEYFERRY_ADMIN_URL: string };
      for (const environment of [
        { KEYFERRY_ADMIN_URL, KEYFERRY_DATA_DIR: folder },
        { KEYFERRY_ADMIN_URL, KEYFERRY_ADMIN_TOKEN_FILE: join(folder, 'admin-token') },
      ]) {
        expect((await runCaptured(['status'], { environment })).exitCode).toBe(0);
        expect(api.seen.at(-1)?.headers.authorization).toBe(`Bearer ${token}`);
      }
      const argv = ['status', '--data-dir', folder, '--admin-url', KEYFERRY_ADMIN_URL];
      expect((await runCaptured(argv)).exitCode).toBe(0);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it.each([
    [{ KEYFERRY_ADMIN_TOKEN: token, KEYFERRY_ADMIN_TOKEN_FILE: 'x' }, 'set only one of'],
    [{ KEYFERRY_ADMIN_TOKEN: 'kfc_yyyy' }, 'holds a client token'],
    [{ KEYFERRY_ADMIN_TOKEN: 'yyyy' }, 'does not hold an admin token'],
    [{ KEYFERRY_ADMIN_TOKEN: `${token}\r\nyyyy` }, 'does not hold an admin token'],
    [{ KEYFERRY_ADMIN_TOKEN_FILE: '/nowhere' }, 'cannot be read (ENOENT)'],
    [{ KEYFERRY_ADMIN_URL: 'localhost:8081' }, 'KEYFERRY_ADMIN_URL must be a URL'],
    [{ KEYFERRY_ADMIN_URL: 'http://a:b@localhost' }, 'must not hold a user name'],
  ])('that is wrong is explained and not shown: %#', async (environment, message) => {
    const run = await runCaptured(['status'], { environment });
    expect(run.exitCode).toBe(1);
    expect(run.stderr).toContain(message);
    expect(run.stderr).not.toContain('yyyy');
  });
});
