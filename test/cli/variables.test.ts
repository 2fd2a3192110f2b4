import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { runCaptured } from './capture.js';
import { type Finished, finish, startKeyferry } from './run-script.js';

function run(argv: readonly string[], environment: Record<string, string>): Promise<Finished> {
  return finish(startKeyferry(argv, { cwd: tmpdir(), environment }));
}

describe('a variable that nothing reads', () => {
  it.each([
    [['status'], 'KEYFERRY_ADMIN_TOKN', 'KEYFERRY_ADMIN_TOKEN'],
    [['secrets', 'list', '--json'], 'KEYFERRY_DATADIR', 'KEYFERRY_DATA_DIR'],
    [['routes', 'validate', 'x', '--offline'], 'KEYFERRY_LOG_LEVL', 'KEYFERRY_LOG_LEVEL'],
    [['doctor'], 'KEYFERRY_ROOT_KEY_FIL', 'KEYFERRY_ROOT_KEY_FILE'],
    [['restore', 'x'], 'KEYFERRY_ROOT_KEY_FIL', 'KEYFERRY_ROOT_KEY_FILE'],
  ])('ends %j with one line that names the nearest one', async (argv, variable, nearest) => {
    const finished = await run(argv, { [variable]: 'kfa_canary' });
    expect(finished.exitCode).toBe(1);
    expect(finished.stdout).toBe('');
    expect(finished.stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(finished.stderr).toContain(`unknown variable ${variable}; did you mean ${nearest}?`);
    expect(finished.stderr).not.toContain('canary');
  });

  it('leaves help and completion alone', async () => {
    const environment = { KEYFERRY_ADMIN_TOKN: 'x' };
    for (const argv of [['--help'], ['status', '--help'], ['completion', 'bash']]) {
      expect(await run(argv, environment)).toMatchObject({ exitCode: 0, stderr: '' });
    }
  });

  it('is none of those that the server or Kubernetes set', async () => {
    const finished = await run(['status'], {
      KEYFERRY_ROUTES: '/nowhere',
      KEYFERRY_ADMIN_SERVICE_PORT: '8081',
      KEYFERRY_PORT: 'tcp://10.0.0.1:8080',
      KEYFERRY_DATA_DIR: '/nowhere',
    });
    expect(finished.stderr).toContain('no admin token: /nowhere/admin-token');
  });

  it('is told with each of the others', async () => {
    const unknownVariables = () =>
      Promise.resolve([
        { path: 'KEYFERRY_A', message: '' },
        { path: 'KEYFERRY_ADMIN_URI', message: '', nearest: 'KEYFERRY_ADMIN_URL' },
      ]);
    const { exitCode, stderr } = await runCaptured(['status'], { ports: { unknownVariables } });
    expect([exitCode, stderr]).toEqual([
      1,
      'error: unknown variable KEYFERRY_A\nunknown variable KEYFERRY_ADMIN_URI; did you mean KEYFERRY_ADMIN_URL?\n',
    ]);
  });
});
