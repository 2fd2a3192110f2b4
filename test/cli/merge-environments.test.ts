import {
  chmodSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { PATIENCE_MS } from '../support/patience.js';
import { startPlainUpstream } from '../support/plain-upstream.js';
import { startKeyferry, type TestKeyferry } from '../support/start-keyferry.js';
import { keepAlive, send, startLoad } from '../support/steady-load.js';
import { type Finished, finish, startKeyferry as startCommand } from './run-script.js';

const VALUES = { production: 'canary-7c1d-production', staging: 'canary-7c1d-staging' };

/** Answers 200 to the value of the environment that the path says, 401 to anything else. */
const upstream = () =>
  startPlainUpstream((request, response) => {
    const environment = request.url?.slice(1) as keyof typeof VALUES;
    const good = request.headers.authorization === `Bearer ${VALUES[environment]}`;
    response.writeHead(good ? 200 : 401).end();
  });

function routesOf(origin: string): string {
  return `{
  // The shop's payments.
  "routes": [
    {
      "name": "pay", "match": { "pathPrefix": "/pay" }, "allowPrivateNetwork": true,
      "environments": {
        "production": { "upstream": "${origin}", "headers": { "Authorization": "Bearer <<secret:pay_prod_key>>" } }, // live
        "staging": {
          "upstream": "${origin}",
          "headers": { "Authorization": "Bearer <<secret:pay_staging_key>>" },
        },
      },
    },
  ],
}
`;
}

function run(keyferry: TestKeyferry, ...argv: readonly string[]): Promise<Finished> {
  const environment = {
    KEYFERRY_ADMIN_URL: keyferry.adminUrl,
    KEYFERRY_DATA_DIR: keyferry.dataDir,
  };
  return finish(startCommand(argv, { cwd: keyferry.dataDir, environment }));
}

async function underLoad(keyferry: TestKeyferry, work: () => Promise<void>): Promise<number> {
  const agent = keepAlive(20);
  onTestFinished(() => agent.destroy());
  const tokens = {
    production: await keyferry.client('production'),
    staging: await keyferry.client('staging'),
  };
  const load = startLoad(200, async (call) => {
    const environment = call % 2 === 0 ? 'production' : 'staging';
    const headers = { 'keyferry-token': tokens[environment] };
    const { status } = await send(`${keyferry.proxyUrl}/pay/${environment}`, { agent, headers });
    if (status !== 200) throw new Error(`status ${status}`);
  });
  await work();
  const { sent, failures } = await load.stop();
  expect(failures).toEqual([]);
  return sent;
}

async function addSecrets(keyferry: TestKeyferry): Promise<void> {
  await keyferry.secret('pay_prod_key', { production: VALUES.production });
  await keyferry.secret('pay_staging_key', { staging: VALUES.staging });
}

test('routes of the store name the merged secret, and no request fails', async () => {
  const keyferry = await startKeyferry();
  await addSecrets(keyferry);
  const document = routesOf(await upstream()).replaceAll(/\/\/ .*$/gm, '');
  const file = join(keyferry.dataDir, 'r.json');
  writeFileSync(file, document);
  expect(await run(keyferry, 'routes', 'apply', file)).toMatchObject({ exitCode: 0 });
  const sent = await underLoad(keyferry, async () => {
    const merged = await run(keyferry, 'secrets', 'merge-environments', '--yes', '--json');
    expect(merged.stderr).toBe('');
    expect(JSON.parse(merged.stdout)).toMatchObject({ merged: ['pay_key'], revision: 2 });
    expect(merged.stdout).not.toContain('canary');
  });
  expect(sent).toBeGreaterThan(50);
  const { routes } = await keyferry.admin<{ routes: string[] }>('GET', '/v1/secrets/pay_key');
  expect(routes).toEqual(['pay']);
});

test('the routes file is edited with its comments and its mode kept, and no request fails', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'keyferry-routes-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'routes.jsonc');
  const text = routesOf(await upstream());
  writeFileSync(file, '{ "routes": [] }');
  chmodSync(file, 0o640);
  const link = join(folder, 'current.jsonc');
  symlinkSync('routes.jsonc', link);
  const keyferry = await startKeyferry({ '--routes': link });
  await addSecrets(keyferry);
  writeFileSync(file, text);
  await expect
    .poll(
      async () =>
        (await keyferry.admin<{ document: { routes: [] } }>('GET', '/v1/routes')).document.routes
          .length,
      { timeout: PATIENCE_MS },
    )
    .toBe(1);

  const preview = await run(keyferry, 'secrets', 'merge-environments', '--dry-run');
  expect(preview).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('pay_key') });
  expect(readFileSync(file, 'utf8')).toBe(text);

  await underLoad(keyferry, async () => {
    const merged = await run(keyferry, 'secrets', 'merge-environments', '--yes');
    expect(merged).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('✓ pay_key') });
  });
  expect(readFileSync(link, 'utf8')).toBe(
    text.replace('pay_prod_key', 'pay_key').replace('pay_staging_key', 'pay_key'),
  );
  expect(statSync(file).mode & 0o777).toBe(0o640);
  const again = await run(keyferry, 'secrets', 'merge-environments', '--yes');
  expect(again).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('merged already') });
});
