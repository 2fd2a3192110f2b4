import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startRealServer } from './real-server.js';
import { type Finished, finish, startKeyferry } from './run-script.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keyferry-serve-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const ANY_PORTS = ['--proxy-listen', '127.0.0.1:0', '--admin-listen', '127.0.0.1:0'];

/** Starts a server that is expected to give up. */
function serve(
  argv: readonly string[],
  environment: Record<string, string> = {},
): Promise<Finished> {
  return finish(
    startKeyferry(['serve', '--data-dir', 'data', ...argv], { cwd: folder, environment }),
  );
}

/** One clear line, and what it must say. */
function expectOneLine({ exitCode, stdout, stderr }: Finished, code: string): void {
  expect(exitCode).toBe(1);
  expect(stdout).toBe('');
  expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  expect(stderr).toContain(`(${code})`);
}

async function startAndStop(): Promise<Finished> {
  const server = await startRealServer(folder);
  return server.stop();
}

describe('keyferry serve', () => {
  it('creates what is missing, names the token file, never the token, and ends at SIGTERM', async () => {
    const { exitCode, stdout, stderr } = await startAndStop();
    const token = readFileSync(join(folder, 'data/admin-token'), 'utf8').trim();
    expect(exitCode).toBe(0);
    expect(stdout).toContain('data/admin-token');
    expect(token).toMatch(/^kfa_/);
    expect(stdout + stderr).not.toContain(token);
    expect(stdout + stderr).not.toContain('kfc_');
  });

  it('says which address is in use', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    const flags = ['--proxy-listen', '127.0.0.1:0', '--admin-listen', `127.0.0.1:${port}`];
    const finished = await serve(flags);
    other.close();
    expectOneLine(finished, 'address_in_use');
    expect(finished.stderr).toContain(String(port));
  });

  it('refuses a root key that others may read', async () => {
    await startAndStop();
    chmodSync(join(folder, 'data/master.key'), 0o644);
    expectOneLine(await serve(ANY_PORTS), 'permissions_loose');
  });

  it('refuses a wrong root key', async () => {
    await startAndStop();
    const key = join(folder, 'other.key');
    writeFileSync(key, 'A'.repeat(43), { mode: 0o600 });
    expectOneLine(await serve([...ANY_PORTS, '--root-key-file', key]), 'root_key_wrong');
  });

  it('refuses a variable that it does not know, with the nearest one', async () => {
    const finished = await serve(ANY_PORTS, { KEYFERRY_LOG_LEVL: 'info' });
    expectOneLine(finished, 'config_invalid');
    expect(finished.stderr).toContain(
      'KEYFERRY_LOG_LEVL: not a variable of Keyferry; did you mean KEYFERRY_LOG_LEVEL?',
    );
  });

  it('refuses a broken routes file, naming the place in it', async () => {
    writeFileSync(join(folder, 'routes.json'), '{"routes": [{"name": "a"}]}');
    const finished = await serve([...ANY_PORTS, '--routes', 'routes.json']);
    expect(finished.exitCode).toBe(1);
    expect(finished.stderr).toContain('routes[0]');
  });
});
