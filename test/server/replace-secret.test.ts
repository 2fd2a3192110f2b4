import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { type Finished, finish, startKeyferry as startCommand } from '../cli/run-script.js';
import { startPlainUpstream } from '../support/plain-upstream.js';
import { startKeyferry, type TestKeyferry } from '../support/start-keyferry.js';
import { keepAlive, type SteadyLoad, send, startLoad } from '../support/steady-load.js';

const OLD = 'canary-31f7-old';
const NEW = 'canary-31f7-new';

interface Upstream {
  readonly origin: string;
  /** Values that it takes. */
  readonly good: Set<string>;
  /** How often it took each. */
  readonly taken: Map<string, number>;
}

async function startUpstream(...values: readonly string[]): Promise<Upstream> {
  const good = new Set(values);
  const taken = new Map<string, number>();
  const origin = await startPlainUpstream((request, response) => {
    const value = (request.headers.authorization ?? '').replace('Bearer ', '');
    if (good.has(value)) taken.set(value, (taken.get(value) ?? 0) + 1);
    response.writeHead(good.has(value) ? 200 : 401).end();
  });
  return { origin, good, taken };
}

function routesOf(origin: string): string {
  return `{
  "routes": [
    {
      "name": "shop", // the only one
      "match": { "pathPrefix": "/shop" },
      "allowPrivateNetwork": true,
      "headers": { "Authorization": "Bearer <<secret:old_key>>" },
      "environments": {
        "production": { "upstream": "${origin}" },
        "staging": { "upstream": "${origin}" } // try it here first
      }
    }
  ]
}
`;
}

async function addSecrets(keyferry: TestKeyferry): Promise<void> {
  await keyferry.secret('old_key', { production: OLD, staging: OLD });
  await keyferry.secret('new_key', { staging: NEW });
}

function run(keyferry: TestKeyferry, ...argv: readonly string[]): Promise<Finished> {
  const environment = {
    KEYFERRY_ADMIN_URL: keyferry.adminUrl,
    KEYFERRY_DATA_DIR: keyferry.dataDir,
  };
  return finish(startCommand(argv, { cwd: keyferry.dataDir, environment }));
}

const QUICK = ['--step-min-samples', '20', '--step-min-seconds', '1', '--steps', '50,100'];
const REPLACE = [
  'routes',
  'replace-secret',
  '--from',
  'old_key',
  '--to',
  'new_key',
  '-e',
  'staging',
];

/** Requests in both environments; any answer but 200 is a failure. */
async function loadOn(keyferry: TestKeyferry): Promise<SteadyLoad> {
  const agent = keepAlive(20);
  onTestFinished(() => agent.destroy());
  const tokens = [await keyferry.client('staging'), await keyferry.client('production')];
  return startLoad(100, async (call) => {
    const headers = { 'keyferry-token': tokens[call % 2] ?? '' };
    const { status } = await send(`${keyferry.proxyUrl}/shop/${call}`, { agent, headers });
    if (status !== 200) throw new Error(`status ${status}`);
  });
}

async function appliedText(keyferry: TestKeyferry): Promise<string> {
  return JSON.stringify((await keyferry.admin('GET', '/v1/routes')).document);
}

test('in the store: verified by live traffic, one environment only, and no request fails', async () => {
  const keyferry = await startKeyferry();
  const upstream = await startUpstream(OLD, NEW);
  await addSecrets(keyferry);
  await keyferry.admin('PUT', '/v1/routes', JSON.parse(plain(routesOf(upstream.origin))));
  const load = await loadOn(keyferry);
  const done = await run(keyferry, ...REPLACE, ...QUICK, '--yes', '--watch');
  expect(done).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('~ routes[0]') });
  expect((await load.stop()).failures).toEqual([]);
  expect(await appliedText(keyferry)).toContain(
    '"staging":{"upstream":"' +
      upstream.origin +
      '","headers":{"Authorization":"Bearer <<secret:new_key>>"}}',
  );
  expect(await appliedText(keyferry)).toContain('Bearer <<secret:old_key>>');
  expect(upstream.taken.get(NEW)).toBeGreaterThan(20);
  // Under way until its window ends; by hand it goes back, routes and all.
  const back = await run(keyferry, 'cutover', 'rollback', 'old_key', '--environment', 'staging');
  expect(back).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('old_key') });
  expect(await appliedText(keyferry)).not.toContain('new_key');
});

test('in the store: a secret that is refused is rolled back, and no client sees a failure', async () => {
  const keyferry = await startKeyferry();
  const upstream = await startUpstream(OLD);
  await addSecrets(keyferry);
  await keyferry.admin('PUT', '/v1/routes', JSON.parse(plain(routesOf(upstream.origin))));
  const load = await loadOn(keyferry);
  const done = await run(keyferry, ...REPLACE, ...QUICK, '--yes', '--watch');
  expect(done).toMatchObject({ exitCode: 2, stdout: expect.stringContaining('Rolled back') });
  expect((await load.stop()).failures).toEqual([]);
  expect(await appliedText(keyferry)).not.toContain('new_key');
  expect((await keyferry.admin('GET', '/v1/routes')).revision).toBe(1);
});

test('with a routes file: edited when it is verified; refused later, nothing takes it whatever the file says', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'keyferry-routes-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'routes.jsonc');
  const upstream = await startUpstream(OLD, NEW);
  const text = routesOf(upstream.origin);
  writeFileSync(file, '{ "routes": [] }');
  const keyferry = await startKeyferry({ '--routes': file });
  await addSecrets(keyferry);
  writeFileSync(file, text);
  await expect.poll(() => appliedText(keyferry)).toContain('old_key');

  const preview = await run(keyferry, ...REPLACE, '--dry-run');
  expect(preview).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining('+         "stag'),
  });
  expect(readFileSync(file, 'utf8')).toBe(text);

  const load = await loadOn(keyferry);
  const done = await run(keyferry, ...REPLACE, ...QUICK, '--yes');
  expect(done).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('it names new_key') });
  const edited = text.replace(
    `"staging": { "upstream": "${upstream.origin}" }`,
    `"staging": { "upstream": "${upstream.origin}", "headers": { "Authorization": "Bearer <<secret:new_key>>" } }`,
  );
  expect(readFileSync(file, 'utf8')).toBe(edited);
  expect(await appliedText(keyferry)).toContain('new_key');

  // In its window the upstream begins to refuse it.
  upstream.good.delete(NEW);
  await expect.poll(() => appliedText(keyferry)).not.toContain('new_key');
  expect((await load.stop()).failures).toEqual([]);
  const ready = async () =>
    (await keyferry.admin<{ reasons: string[] }>('GET', '/v1/status')).reasons;
  expect(await ready()).toEqual([expect.stringContaining('The routes file names "new_key"')]);
  expect(readFileSync(file, 'utf8')).toBe(edited);

  const back = ['--from', 'new_key', '--to', 'old_key', '-e', 'staging', '--file-only', '--yes'];
  const followed = await run(keyferry, 'routes', 'replace-secret', ...back);
  expect(followed).toMatchObject({ exitCode: 0, stderr: '' });
  expect(readFileSync(file, 'utf8')).toBe(edited.replace('new_key', 'old_key'));
  await expect.poll(ready).toEqual([]);
});

test('--no-canary waits for the file alone, and the pipeline that writes it may do so early', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'keyferry-routes-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'routes.jsonc');
  const upstream = await startUpstream(OLD, NEW);
  writeFileSync(file, '{ "routes": [] }');
  const keyferry = await startKeyferry({ '--routes': file });
  await addSecrets(keyferry);
  writeFileSync(file, routesOf(upstream.origin));
  await expect.poll(() => appliedText(keyferry)).toContain('old_key');

  const start = { from: 'old_key', to: 'new_key', environment: 'staging', steps: [50, 100] };
  const { id } = await keyferry.admin('POST', '/v1/routes/replace-secret', start);
  const early = await run(keyferry, ...REPLACE, '--file-only', '--yes', '--json');
  expect(early).toMatchObject({ exitCode: 0, stderr: '' });
  expect(readFileSync(file, 'utf8')).toContain('new_key');
  // Time for the server to see it: the canary is what decides.
  await new Promise((resolve) => setTimeout(resolve, 1000));
  expect(await appliedText(keyferry)).not.toContain('new_key');
  await keyferry.admin('POST', `/v1/cutovers/${id}/rollback`);
  expect(await appliedText(keyferry)).not.toContain('new_key');

  // Once more, at once: the file says so already.
  const done = await run(keyferry, ...REPLACE, '--no-canary', '--yes', '--json');
  expect(done.stderr).toBe('');
  expect(JSON.parse(done.stdout)).toMatchObject({ state: 'CURRENT', settings: { steps: [100] } });
  expect(await appliedText(keyferry)).toContain('new_key');
});

function plain(text: string): string {
  return text.replaceAll(/ \/\/ .*$/gm, '');
}
