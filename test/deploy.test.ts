import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { SETTINGS, type SettingRow } from '../src/config/index.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const rows: readonly SettingRow[] = SETTINGS;
const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const isInstalled = (program: string): boolean =>
  spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;

/** Variables of Keyferry that a file sets, by their name. */
function variablesIn(text: string): string[] {
  return [...text.matchAll(/\b(KEYFERRY_[A-Z_]+)[=:]/g)].map(([, name = '']) => name);
}

const variables = rows.flatMap(({ variable, fileVariable }) => [variable, fileVariable]);

describe('settings in deploy/', () => {
  it.each(['Dockerfile', 'compose.yaml', 'keyferry.service'])('%s sets none unknown', (file) => {
    const named = variablesIn(read(`deploy/${file}`));
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((name) => !variables.includes(name))).toEqual([]);
  });

  it('set no secret, and give requests longer to finish than the drain takes', () => {
    const secrets = rows.filter(({ secret }) => secret).map(({ variable }) => variable);
    for (const file of ['Dockerfile', 'compose.yaml', 'keyferry.service']) {
      expect(variablesIn(read(`deploy/${file}`)).filter((name) => secrets.includes(name))).toEqual(
        [],
      );
    }
    const drainSeconds = Number(rows.find(({ name }) => name === 'drainTimeoutMs')?.default) / 1000;
    const stop = /TimeoutStopSec=(\d+)/.exec(read('deploy/keyferry.service'))?.[1];
    const grace = /stop_grace_period: (\d+)s/.exec(read('deploy/compose.yaml'))?.[1];
    expect(Number(stop)).toBeGreaterThan(drainSeconds);
    expect(Number(grace)).toBeGreaterThan(drainSeconds);
  });
});

interface Instruction {
  readonly name: string;
  readonly rest: string;
}

/** The instructions of a Dockerfile, with continued lines joined. */
function instructionsOf(dockerfile: string): Instruction[] {
  return dockerfile
    .replace(/^\s*#.*\n/gm, '')
    .replace(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, name = '', rest = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
      return { name, rest };
    });
}

describe('the Dockerfile', () => {
  const instructions = instructionsOf(read('deploy/Dockerfile'));
  const lastFrom = instructions.findLastIndex(({ name }) => name === 'FROM');
  const final = instructions.slice(lastFrom);
  const restsOf = (name: string): string[] =>
    final.filter((instruction) => instruction.name === name).map(({ rest }) => rest);

  it('has only instructions that exist, in stages that are named where they are used', () => {
    const known =
      /^(?:FROM|RUN|CMD|LABEL|EXPOSE|ENV|ADD|COPY|ENTRYPOINT|VOLUME|USER|WORKDIR|ARG|STOPSIGNAL|HEALTHCHECK|SHELL)$/;
    expect(instructions.filter(({ name }) => !known.test(name))).toEqual([]);
    expect(instructions[0]?.name).toBe('FROM');
    const stages = instructions.flatMap(({ name, rest }) =>
      name === 'FROM' ? [/ AS (\w+)$/.exec(rest)?.[1]] : [],
    );
    const used = instructions.flatMap(({ rest }) => /--from=(\w+)/.exec(rest)?.[1] ?? []);
    expect(used.length).toBeGreaterThan(0);
    expect(used.filter((stage) => !stages.includes(stage))).toEqual([]);
    for (const { rest } of instructions.filter(({ name }) => name === 'FROM')) {
      expect(rest).toMatch(/^node:\d+-/);
    }
  });

  it('copies what is there, and what .dockerignore lets in', () => {
    const allowed = read('.dockerignore')
      .split('\n')
      .flatMap((line) => (line.startsWith('!') ? [line.slice(1)] : []));
    const copied = instructions
      .filter(({ name, rest }) => name === 'COPY' && !rest.includes('--from='))
      .flatMap(({ rest }) => rest.split(' ').slice(0, -1))
      .map((path) => path.replace(/^\.\//, ''));
    expect(copied.filter((path) => !existsSync(join(root, path)))).toEqual([]);
    expect([...new Set(copied)].sort()).toEqual(allowed.sort());
  });

  it('runs the command, as another user than root, with a place for its data', () => {
    expect(restsOf('USER')).toEqual(['node']);
    expect(JSON.parse(restsOf('ENTRYPOINT')[0] ?? '')).toEqual(['keyferry']);
    expect(JSON.parse(restsOf('CMD')[0] ?? '')).toEqual(['serve']);
    const volume = restsOf('VOLUME')[0] ?? '';
    expect(restsOf('ENV').join(' ')).toContain(`KEYFERRY_DATA_DIR=${volume}`);
    expect(restsOf('RUN').join(' ')).toContain(`-m 0700 ${volume}`);
  });

  it('asks /readyz for its health', () => {
    const [, list = ''] = / CMD (\[.*\])$/.exec(restsOf('HEALTHCHECK')[0] ?? '') ?? [];
    const [node, flag, script] = JSON.parse(list) as string[];
    expect([node, flag]).toEqual(['node', '-e']);
    const nobody = spawnSync(process.execPath, ['-e', (script ?? '').replace(':8081', ':9')]);
    expect(nobody.status).toBe(1);
    expect(script).toContain('/readyz');
  });
});

describe('the Compose file', () => {
  const text = read('deploy/compose.yaml');

  it('publishes the proxy on loopback alone, and no admin listener', () => {
    const ports = [...text.matchAll(/^ {6}- "([\d.:]+)"$/gm)].map(([, port]) => port);
    expect(ports).toEqual(['127.0.0.1:8080:8080']);
  });

  it('keeps the root key outside the data volume', () => {
    const volume = /VOLUME (\S+)/.exec(read('deploy/Dockerfile'))?.[1];
    expect(text).toContain(`- data:${volume}\n`);
    expect(text).toContain('KEYFERRY_ROOT_KEY_FILE: /run/secrets/root-key\n');
    expect(text).toMatch(/^secrets:\n {2}root-key:\n {4}file: \.\/root-key\n/m);
  });

  it('names files that are there, and has no tabs', () => {
    expect(existsSync(join(root, /dockerfile: (\S+)/.exec(text)?.[1] ?? ''))).toBe(true);
    expect(text).not.toContain('\t');
  });

  it.skipIf(spawnSync('docker', ['compose', 'version'], { stdio: 'ignore' }).status !== 0)(
    'is valid (docker compose config)',
    () => {
      const file = join(root, 'deploy/compose.yaml');
      const run = spawnSync('docker', ['compose', '-f', file, 'config', '--quiet'], {
        encoding: 'utf8',
      });
      expect(run).toMatchObject({ status: 0, stderr: '' });
    },
  );
});

describe('the systemd units', () => {
  /** A copy whose program is there, wherever Node is on this machine. */
  function unitsFolder(): string {
    const folder = mkdtempSync(join(tmpdir(), 'keyferry-units-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    for (const name of ['keyferry.service', 'keyferry.socket']) {
      const text = read(`deploy/${name}`).replaceAll('/usr/bin/node', process.execPath);
      writeFileSync(join(folder, name), text);
    }
    return folder;
  }

  it('start a command that exists, on the socket that they open', () => {
    const service = read('deploy/keyferry.service');
    expect(service).toContain('ExecStart=/usr/bin/node /opt/keyferry/bin/keyferry.js serve\n');
    expect(service).toContain('Environment=KEYFERRY_PROXY_LISTEN=fd:3\n');
    expect(service).toContain('Requires=keyferry.socket\n');
    // One stream socket alone is descriptor 3.
    expect(read('deploy/keyferry.socket').match(/^ListenStream=/gm)).toHaveLength(1);
    expect(statSync(join(root, 'bin/keyferry.js')).isFile()).toBe(true);
  });

  it.skipIf(!isInstalled('systemd-analyze'))('are valid (systemd-analyze verify)', () => {
    const folder = unitsFolder();
    for (const name of ['keyferry.service', 'keyferry.socket']) {
      const run = spawnSync('systemd-analyze', ['verify', join(folder, name)], {
        encoding: 'utf8',
      });
      const about = run.stderr.split('\n').filter((line) => line.includes('keyferry'));
      expect({ status: run.status, about }).toEqual({ status: 0, about: [] });
    }
  });

  it.skipIf(!isInstalled('systemd-analyze'))(
    'leave little exposed (systemd-analyze security, at most 1.5)',
    () => {
      const run = spawnSync(
        'systemd-analyze',
        ['security', '--offline=true', '--threshold=15', join(unitsFolder(), 'keyferry.service')],
        { encoding: 'utf8' },
      );
      expect(run.status, run.stdout.split('\n').slice(-3).join('\n')).toBe(0);
    },
  );
});
