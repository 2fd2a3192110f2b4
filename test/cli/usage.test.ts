import { describe, expect, it } from 'vitest';
import { AppError } from '../../src/core/index.js';
import { noPorts, runCaptured } from './capture.js';

describe('wrong usage', () => {
  it.each([
    [['secrts'], 'unknown command secrts; did you mean secrets?'],
    [['secrets', 'creat', 'x'], 'unknown command creat; did you mean create?'],
    [['status', '--chek'], 'unknown option --chek; did you mean --check?'],
    [['status', '--jsn'], 'unknown option --jsn; did you mean --json?'],
    [['secrets'], 'secrets needs a verb'],
    [[], 'no command is given'],
    [['secrets', 'show'], "missing required argument 'name'"],
    [['versions', 'add', 'x'], "required option '-e, --environment <name>' not specified"],
    [['clients', 'create', 'x', '-e'], 'argument missing'],
    [['secrets', 'list', '--older-than-days', 'many'], '--older-than-days takes a whole number'],
    [['admins', 'create', 'x', '--role', 'king'], 'Allowed choices are viewer, operator, admin'],
  ])('%j: %s', async (argv, message) => {
    const run = await runCaptured(argv);
    expect(run.exitCode).toBe(1);
    expect(run.stdout).toBe('');
    expect(run.stderr).toContain(message);
  });

  it('is JSON on standard error with --json', async () => {
    const run = await runCaptured(['secrts', '--json']);
    expect(run.exitCode).toBe(1);
    expect(JSON.parse(run.stderr)).toMatchObject({
      code: 'usage',
      detail: 'unknown command secrts; did you mean secrets?',
    });
  });
});

describe('help', () => {
  it('is there for every command, with an example that names the command', async () => {
    for (const path of await everyCommand()) {
      const run = await runCaptured([...path, '--help']);
      expect(run.exitCode).toBe(0);
      expect(run.stderr).toBe('');
      if (/^Commands:$/m.test(run.stdout)) continue;
      expect(run.stdout).toContain(`Example:\n  keyferry ${path.join(' ')}`);
    }
  });

  it('is the same by the word help as by the option', async () => {
    for (const path of await everyCommand()) {
      const run = await runCaptured(['help', ...path]);
      expect([run.exitCode, run.stdout]).toEqual([
        0,
        (await runCaptured([...path, '--help'])).stdout,
      ]);
    }
  });

  it('says how a value is given', async () => {
    const { stdout } = await runCaptured(['versions', 'add', '--help']);
    expect(stdout).toContain('never from an argument');
    expect(stdout).toContain('Exactly one newline');
  });

  it('shows the settings of the server under serve', async () => {
    const setting = {
      flag: '--proxy-listen',
      takes: 'HOST:PORT',
      description: 'Where apps send their requests.',
      variable: 'KEYFERRY_PROXY_LISTEN',
      default: '127.0.0.1:8080',
      repeats: false,
    };
    const { stdout } = await runCaptured(['serve', '--help'], {
      ports: { serveSettings: () => Promise.resolve([setting]) },
    });
    expect(stdout.replace(/\s+/g, ' ')).toContain(
      '--proxy-listen <HOST:PORT> Where apps send their requests. [KEYFERRY_PROXY_LISTEN; 127.0.0.1:8080]',
    );
  });
});

describe('serve', () => {
  const settings = [
    { flag: '--data-dir', takes: 'FOLDER', description: '', variable: 'A', repeats: false },
    { flag: '--proxy-listen', takes: 'HOST:PORT', description: '', variable: 'B', repeats: false },
    { flag: '--environment', takes: 'NAME…', description: '', variable: 'C', repeats: true },
    { flag: '--example', description: '', variable: 'D', repeats: false },
  ];
  const serveSettings = () => Promise.resolve(settings);

  it('hands its flags on and closes the server at a signal', async () => {
    const events: unknown[] = [];
    const run = await runCaptured(
      ['serve', '--data-dir', 'd', '--environment', 'staging', 'production', '--example'],
      {
        ports: {
          serveSettings,
          startServer: (flags, io) => {
            io.say('listening');
            events.push(flags);
            return Promise.resolve({
              close: () => {
                events.push('closed');
                return Promise.resolve();
              },
            });
          },
        },
      },
    );
    expect(run).toMatchObject({ exitCode: 0, stdout: 'listening\n' });
    expect(events).toEqual([
      { '--data-dir': 'd', '--environment': ['staging', 'production'], '--example': true },
      'closed',
    ]);
  });

  it('says one clear line when the start fails', async () => {
    const run = await runCaptured(['serve'], {
      ports: {
        serveSettings,
        startServer: () =>
          Promise.reject(new AppError('address_in_use', '127.0.0.1:8080 is in use.')),
      },
    });
    expect(run).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: 'error: 127.0.0.1:8080 is in use. (address_in_use)\n',
    });
  });

  it('does not repeat the message of an unexpected error', async () => {
    const run = await runCaptured(['serve'], {
      ports: { startServer: () => Promise.reject(new TypeError('secret stuff')) },
    });
    expect(run.exitCode).toBe(1);
    expect(run.stderr).toContain('an unexpected TypeError at');
    expect(run.stderr).not.toContain('secret stuff');
  });
});

describe('doctor', () => {
  it('exits with 1 when something is broken, and gives advice', async () => {
    const run = await runCaptured(['doctor'], {
      ports: {
        maintenance: {
          ...noPorts.maintenance,
          doctor: () =>
            Promise.resolve({
              checks: [
                { name: 'audit log', status: 'ok', detail: '12 rows' },
                {
                  name: 'root key',
                  status: 'fail',
                  detail: 'others may read it',
                  fix: 'chmod 600',
                },
              ],
            }),
        },
      },
    });
    expect(run).toEqual({
      exitCode: 1,
      stdout: '✓ audit log: 12 rows\n✗ root key: others may read it\n    chmod 600\n1 broken.\n',
      stderr: '',
    });
  });
});

async function everyCommand(): Promise<string[][]> {
  const paths: string[][] = [];
  const visit = async (path: string[]): Promise<void> => {
    const help = (await runCaptured([...path, '--help'])).stdout;
    const stdout = help.replace(/^Arguments:\n(?: .*\n)+/m, '');
    for (const [, name] of stdout.matchAll(/^ {2}([a-z]+) (?:.*) {2,}\S/gm)) {
      if (name === undefined || name === 'help') continue;
      paths.push([...path, name]);
      if (path.length === 0) await visit([name]);
    }
  };
  await visit([]);
  return paths;
}
