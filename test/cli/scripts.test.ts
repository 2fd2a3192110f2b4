import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type RealServer, startRealServer } from './real-server.js';
import { runScript } from './run-script.js';

const SCRIPTS = fileURLToPath(new URL('./scripts', import.meta.url));
/** Every value in the scripts holds this word; nothing that a command writes may. */
const CANARY = 'canary';

let folder: string;
let server: RealServer | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keyferry-cli-'));
});
afterEach(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true });
});

// To accept what commands say now: npx vitest run test/cli/scripts.test.ts --update
describe('scripts', () => {
  it.each(readdirSync(SCRIPTS))('%s', async (name) => {
    const file = join(SCRIPTS, name);
    server = await startRealServer(folder);
    const happened = await runScript(readFileSync(file, 'utf8'), {
      folder,
      environment: server.environment,
      proxyUrl: server.proxyUrl,
      watch(argv, { stdout, stderr }) {
        expect(argv.join(' ') + stdout + stderr).not.toContain(CANARY);
      },
    });
    const { exitCode, stdout, stderr } = await server.stop();
    expect(exitCode).toBe(0);
    expect(stdout + stderr).not.toContain(CANARY);
    await expect(happened).toMatchFileSnapshot(file);
  });
});
