import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keyferry-bin-'));
  cpSync(fileURLToPath(new URL('../../bin', import.meta.url)), join(folder, 'bin'), {
    recursive: true,
  });
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
});
afterEach(() => rmSync(folder, { recursive: true }));

const script = (): string => join(folder, 'bin/keyferry.js');

function put(main: string): void {
  mkdirSync(join(folder, 'dist/program'), { recursive: true });
  writeFileSync(join(folder, 'dist/program/main.js'), main);
}

function start(argv: readonly string[], nodeOptions: readonly string[] = []) {
  const run = spawnSync(process.execPath, [...nodeOptions, script(), ...argv], {
    encoding: 'utf8',
  });
  return { exitCode: run.status, stdout: run.stdout, stderr: run.stderr };
}

describe('bin/keyferry.js', () => {
  it('says what to run when nothing is built', () => {
    expect(start(['status'])).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: 'keyferry: Keyferry is not built yet. Run: npm ci && npm run build\n',
    });
  });

  it('says what to run when a package is missing', () => {
    put("import 'nowhere-to-be-found';");
    expect(start(['status'])).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('Run: npm ci && npm run build'),
    });
  });

  it('says when Node is too old', () => {
    const old = 'Object.defineProperty(process.versions, "node", { value: "20.18.1" })';
    expect(start(['status'], ['--import', `data:text/javascript,${old}`])).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: 'keyferry: Node 20.18.1 is too old: Keyferry needs Node 20.19 or later.\n',
    });
  });

  it.each(['serve', 'restore', 'rekey', 'doctor'])(
    'names the toolchain when the database driver does not load: %s',
    (command) => {
      put("console.log('started');");
      const run = start([command]);
      expect(run).toMatchObject({ exitCode: 1, stdout: '' });
      expect(run.stderr).toContain('apt-get install -y python3 make g++');
    },
  );

  it.each([
    ['fails and names the toolchain', '', 1],
    ['goes on where the driver is left out on purpose', 'optional', 0],
  ])('an installation without the driver %s', (_, omit, exitCode) => {
    const run = spawnSync(process.execPath, [join(folder, 'bin/after-install.js')], {
      encoding: 'utf8',
      env: { ...process.env, npm_config_omit: omit },
    });
    expect(run.status).toBe(exitCode);
    expect(run.stderr.includes('apt-get install -y python3 make g++')).toBe(exitCode === 1);
  });

  it('leaves commands that only talk to a server alone', () => {
    put("console.log('started');");
    expect(start(['status'])).toEqual({ exitCode: 0, stdout: 'started\n', stderr: '' });
  });
});
