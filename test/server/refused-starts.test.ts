import {
  chmodSync,
  cpSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { generateRootKey, writeRootKey } from '../../src/crypto/index.js';
import { canMount, onSmallDisk, readOnly } from '../support/mounts.js';
import { newDataDir } from '../support/open-test-store.js';
import {
  freePort,
  runKeyferry,
  type ServeOptions,
  serveKeyferry,
  serveLine,
  temporaryDataDir,
} from '../support/serve-process.js';
import { startKeyferry } from '../support/start-keyferry.js';

let used: string | undefined;

/** A data folder that a server made and left: a copy of the same one each time. */
async function usedDataDir(): Promise<string> {
  if (used === undefined) {
    used = newDataDir();
    const keyferry = await startKeyferry({}, used);
    await keyferry.secret('key', { production: 'a-value' });
    await keyferry.server.close();
  }
  const dataDir = temporaryDataDir();
  cpSync(used, dataDir, { recursive: true });
  return dataDir;
}

afterAll(() => {
  if (used !== undefined) rmSync(used, { recursive: true });
});

/** Starts a server that must refuse: one clear line on standard error, a non-zero exit, and nothing more. */
async function refusal(
  dataDir: string,
  flags: readonly string[] = [],
  options: Pick<ServeOptions, 'environment' | 'under'> = {},
): Promise<string> {
  const finished = await runKeyferry(serveLine(dataDir, flags), options);
  expect(finished).toMatchObject({ exitCode: 1, stdout: '' });
  expect(finished.stderr).toMatch(/^error: [^\n]+ \([a-z_]+\)\n$/);
  expect(finished.stderr).not.toContain('unexpected');
  return finished.stderr;
}

/** Names, sizes and modes: what a refused start must leave as it was. */
function look(dataDir: string): string[] {
  return readdirSync(dataDir).map((name) => {
    const { size, mode } = statSync(join(dataDir, name));
    return `${name} ${size} ${mode.toString(8)}`;
  });
}

describe('a server does not start', () => {
  test('with a wrong root key', async () => {
    const dataDir = await usedDataDir();
    const key = join(dataDir, 'other.key');
    await writeRootKey(key, generateRootKey());
    const before = look(dataDir);
    expect(await refusal(dataDir, ['--root-key-file', key])).toContain('(root_key_wrong)');
    const environment = { KEYFERRY_ROOT_KEY: 'f'.repeat(64) };
    expect(await refusal(dataDir, [], { environment })).toContain('(root_key_wrong)');
    expect(look(dataDir)).toEqual(before);
  });

  test('with what is no root key, and does not repeat it', async () => {
    const dataDir = await usedDataDir();
    const environment = { KEYFERRY_ROOT_KEY: 'hunter2-hunter2' };
    const said = await refusal(dataDir, [], { environment });
    expect(said).toContain('(config_invalid)');
    expect(said).not.toContain('hunter2');
  });

  test('without a root key beside a database, and makes no new one', async () => {
    const dataDir = await usedDataDir();
    renameSync(join(dataDir, 'master.key'), join(dataDir, 'kept-safe'));
    const before = look(dataDir);
    const said = await refusal(dataDir);
    expect(said).toContain('(root_key_missing)');
    expect(said).toContain(join(dataDir, 'master.key'));
    expect(look(dataDir)).toEqual(before);
  });

  test.each([
    ['keyferry.db', 0o640],
    ['master.key', 0o604],
    ['.', 0o750],
  ])('while others may reach %s', async (name, mode) => {
    const dataDir = await usedDataDir();
    const path = name === '.' ? dataDir : join(dataDir, name);
    const strict = name === '.' ? 0o700 : 0o600;
    chmodSync(path, mode);
    const said = await refusal(dataDir);
    expect(said).toContain('(permissions_loose)');
    expect(said).toContain(`chmod ${strict.toString(8)} ${path}`);
    chmodSync(path, strict);
    await (await startKeyferry({}, dataDir)).server.close();
  });

  test('on a data folder that another server uses', async () => {
    const dataDir = temporaryDataDir();
    const first = await serveKeyferry({ dataDir });
    expect(await refusal(dataDir)).toContain('(data_folder_locked)');
    expect(await first.call('GET', '/v1/secrets')).toMatchObject({ status: 200 });
    await first.kill();
    await (await startKeyferry({}, dataDir)).server.close();
  });

  test.each(['--proxy-listen', '--admin-listen'])('when the port of %s is in use', async (flag) => {
    const dataDir = temporaryDataDir();
    const other = createServer();
    const port = await freePort();
    await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve));
    onTestFinished(() => void other.close());
    const said = await refusal(dataDir, [flag, `127.0.0.1:${port}`]);
    expect(said).toContain(`127.0.0.1:${port}`);
    expect(said).toContain(flag);
    expect(said).toContain('(address_in_use)');
  });

  test('on a descriptor that is no socket handed over', async () => {
    const dataDir = temporaryDataDir();
    const said = await refusal(dataDir, ['--proxy-listen', 'fd:250']);
    expect(said).toContain('--proxy-listen: fd:250 is not a TCP socket');
  });

  test('with a certificate that is none', async () => {
    const dataDir = await usedDataDir();
    const file = join(dataDir, 'master.key');
    const said = await refusal(dataDir, ['--proxy-tls-cert', file, '--proxy-tls-key', file]);
    expect(said).toContain('--proxy-tls-cert and --proxy-tls-key');
    expect(said).toContain('(config_invalid)');
  });

  test('with a file that is no database, or a part of one', async () => {
    const dataDir = await usedDataDir();
    const file = join(dataDir, 'keyferry.db');
    const { size } = statSync(file);
    const whole = new Uint8Array(size);
    for (const bytes of [whole.fill(0x41), whole.subarray(0, 100)]) {
      writeFileSync(file, bytes);
      expect(await refusal(dataDir)).toContain('(database_corrupt)');
    }
  });

  test('while another program holds the database locked', async () => {
    const dataDir = await usedDataDir();
    const other = new Database(join(dataDir, 'keyferry.db'));
    onTestFinished(() => void other.close());
    other.exec('BEGIN EXCLUSIVE');
    expect(await refusal(dataDir)).toContain('locked. (store_unavailable)');
    other.exec('ROLLBACK');
    await (await startKeyferry({}, dataDir)).server.close();
  });

  test('with a routes file that is broken, and nothing to serve yet', async () => {
    const dataDir = temporaryDataDir();
    const file = join(dataDir, 'routes.json');
    writeFileSync(file, '{"routes":[{"name":"a","match":{"pathPrefx":"/a"},"environments":{}}]}');
    const { exitCode, stderr } = await runKeyferry(serveLine(dataDir, ['--routes', file]));
    expect(exitCode).toBe(1);
    expect(stderr).toContain('routes[0].match.pathPrefx');
    expect(stderr).toContain('pathPrefix');
    expect(stderr).toContain('(routes_invalid)');
  });

  describe.skipIf(!canMount)('on a disk of its own (needs unshare and user namespaces)', () => {
    test.each([4, 16, 64, 128, 200])('of %i KiB, too small for a first start', async (kib) => {
      const dataDir = temporaryDataDir();
      const said = await refusal(dataDir, [], { under: onSmallDisk(dataDir, `${kib}k`) });
      expect(said).toMatch(/disk (?:is full|failed)|ENOSPC/);
    });

    test('that is full', async () => {
      const dataDir = await usedDataDir();
      const under = onSmallDisk(dataDir, '1m', 'full');
      const said = await refusal(dataDir, [], { under });
      expect(said).toContain('The disk is full');
      expect(said).toContain('(data_folder_unusable)');
    });

    test('that is read-only', async () => {
      const dataDir = await usedDataDir();
      const said = await refusal(dataDir, [], { under: readOnly(dataDir) });
      expect(said).toContain(dataDir);
      expect(said).toContain('(data_folder_unusable)');
    });
  });
});
