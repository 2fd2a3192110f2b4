import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { KEY_PAIR, startSecretsManager } from '../support/secrets-manager-stand-in.js';
import { startVault, VAULT_TOKEN } from '../support/vault-stand-in.js';
import { type RealServer, startRealServer } from './real-server.js';
import { type Finished, finish, startKeyferry } from './run-script.js';

let folder: string;
let server: RealServer;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'keyferry-import-'));
  server = await startRealServer(folder);
});
afterEach(async () => {
  await server.stop();
  rmSync(folder, { recursive: true });
});

async function keyferry(
  argv: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): Promise<Finished> {
  const environment = { ...server.environment, ...variables };
  const finished = await finish(startKeyferry(argv, { cwd: folder, environment }));
  expect(finished.stdout + finished.stderr).not.toContain('canary');
  return finished;
}

const inProduction = ['--environment', 'production', '--yes'];

it('brings secrets of Vault', async () => {
  const address = await startVault({
    'shop/stripe': { value: 'canary-1', mode: 'canary-2' },
    'shop/locked': 'forbidden',
  });
  const variables = { VAULT_ADDR: address.href, VAULT_TOKEN };
  const vault = ['import', 'vault', '--path', 'shop', ...inProduction];
  const refused = await keyferry(vault, variables);
  expect(refused).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining('shop/locked: could not be read (the token may not)'),
  });
  const partial = await keyferry([...vault, '--partial'], variables);
  expect(partial).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining('Imported 1 value.'),
  });
  const shown = await keyferry(['secrets', 'show', 'shop_stripe', '--json']);
  expect(JSON.parse(shown.stdout)).toMatchObject({
    environments: [{ environment: 'production', currentVersion: 1 }],
  });
  expect((await keyferry([...vault, '--partial'], variables)).stdout).toContain(
    '1 value held the same already.',
  );
});

it('brings secrets of AWS Secrets Manager', async () => {
  const endpoint = await startSecretsManager(
    [
      { Name: 'shop/DB', SecretString: '{"user":"canary-3","password":"canary-4"}' },
      { Name: 'shop/stripe', SecretString: 'canary-5' },
      { Name: 'bytes', SecretBinary: Buffer.from([0xff, 1, 2]).toString('base64') },
    ],
    { throttles: 1 },
  );
  const aws = ['import', 'aws-secrets-manager', '--region', 'eu-west-1', ...inProduction];
  const { exitCode, stdout } = await keyferry(aws, {
    AWS_ENDPOINT_URL_SECRETS_MANAGER: endpoint.href,
    AWS_ACCESS_KEY_ID: KEY_PAIR.accessKeyId,
    AWS_SECRET_ACCESS_KEY: KEY_PAIR.secretAccessKey,
  });
  expect(exitCode).toBe(0);
  expect(stdout).toContain('Imported 3 values.');
  const { items } = JSON.parse((await keyferry(['secrets', 'list', '--json'])).stdout) as {
    items: { name: string }[];
  };
  expect(items.map(({ name }) => name).sort()).toEqual(['bytes', 'shop_db', 'shop_stripe']);
});
