import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { Route } from '../../src/core/index.js';
import { PATIENCE_MS } from '../support/patience.js';
import {
  runKeyferry,
  serveKeyferry,
  serveLine,
  temporaryDataDir,
} from '../support/serve-process.js';
import { startKeyferry } from '../support/start-keyferry.js';
import { keepAlive, send } from '../support/steady-load.js';

const ENVIRONMENTS = ['staging', 'production'] as const;

/** Answers with the key that arrived, and counts connections. */
async function startEchoUpstream() {
  let connections = 0;
  const upstream = createServer((request, response) => {
    response.end(request.headers.authorization);
  });
  upstream.on('connection', () => {
    connections++;
  });
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    upstream.close();
    upstream.closeAllConnections();
  });
  const origin = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  return {
    origin,
    get connections() {
      return connections;
    },
  };
}

function route(upstream: string, more: Partial<Route> = {}): Route {
  const there = { upstream, allowPrivateNetwork: true };
  return {
    name: 'api',
    match: { pathPrefix: '/api' },
    headers: { Authorization: 'Bearer <<secret:key>>' },
    // The upstream's answer says what it was given.
    echoScrub: 'off',
    environments: { staging: there, production: there },
    ...more,
  };
}

test('the token decides whose value goes to the same URL', async () => {
  const { origin } = await startEchoUpstream();
  const keyferry = await startKeyferry();
  await keyferry.secret('key', { staging: 'staging-value', production: 'production-value' });
  await keyferry.routes([route(origin)]);
  for (const environment of ENVIRONMENTS) {
    const headers = {
      'keyferry-token': await keyferry.client(environment),
      // Nothing in a request chooses another.
      'keyferry-environment': 'development',
      'x-environment': 'development',
    };
    const { status, body } = await send(`${keyferry.proxyUrl}/api/x?environment=development`, {
      headers,
    });
    expect([status, body]).toEqual([200, `Bearer ${environment}-value`]);
  }
});

test('an environment without a value answers secret_missing, and the upstream sees no connection', async () => {
  const upstream = await startEchoUpstream();
  const keyferry = await startKeyferry();
  await keyferry.secret('key', { production: 'production-value' });
  await keyferry.routes([route(upstream.origin)], '?allowMissing=true');
  const headers = { 'keyferry-token': await keyferry.client('staging') };
  const answer = await send(`${keyferry.proxyUrl}/api/x`, { headers });
  expect(answer).toMatchObject({ status: 500, headers: { 'keyferry-error': 'secret_missing' } });
  const { detail } = JSON.parse(answer.body) as { detail: string };
  expect(detail).toContain('"staging"');
  expect(detail).toContain('"key"');
  expect(answer.body).not.toContain('production-value');
  expect(upstream.connections).toBe(0);

  await keyferry.admin('POST', '/v1/secrets/key/environments/staging/versions', { value: 'late' });
  expect(await send(`${keyferry.proxyUrl}/api/x`, { headers })).toMatchObject({
    status: 200,
    body: 'Bearer late',
  });
});

test('1,000 requests that alternate between environments under reloads: no mix-up', async () => {
  const { origin } = await startEchoUpstream();
  const keyferry = await startKeyferry();
  await keyferry.secret('key', { staging: 'staging-value', production: 'production-value' });
  await keyferry.routes([route(origin)]);
  const tokens = [await keyferry.client('staging'), await keyferry.client('production')];
  const agent = keepAlive(16);
  onTestFinished(() => agent.destroy());
  let done = false;
  let reloads = 0;
  const reloading = (async () => {
    while (!done) {
      const headers = { Authorization: 'Bearer <<secret:key>>', 'X-Reload': String(reloads++) };
      await keyferry.routes([route(origin, { headers })]);
    }
  })();
  const wrong: string[] = [];
  const work = async (worker: number): Promise<void> => {
    for (let round = 0; round < 125; round++) {
      const which = (worker + round) % 2;
      const headers = { 'keyferry-token': tokens[which] ?? '' };
      const { body } = await send(`${keyferry.proxyUrl}/api/x`, { agent, headers });
      if (body !== `Bearer ${ENVIRONMENTS[which]}-value`) wrong.push(body);
    }
  };
  await Promise.all([0, 1, 2, 3, 4, 5, 6, 7].map(work));
  done = true;
  await reloading;
  expect(wrong).toEqual([]);
  expect(reloads).toBeGreaterThan(5);
});

test('serve --environment serves only these, and no token of another', async () => {
  const { origin } = await startEchoUpstream();
  const keyferry = await startKeyferry({ '--environment': ['staging'] });
  await keyferry.secret('key', { staging: 'staging-value', production: 'production-value' });
  await keyferry.routes([route(origin)]);
  const ask = async (environment: string) => {
    const headers = { 'keyferry-token': await keyferry.client(environment) };
    return send(`${keyferry.proxyUrl}/api/x`, { headers });
  };
  expect(await ask('staging')).toMatchObject({ status: 200, body: 'Bearer staging-value' });
  expect(await ask('production')).toMatchObject({
    status: 401,
    headers: { 'keyferry-error': 'client_unauthenticated' },
  });
});

test('serve --environment refuses a name that is not declared, with the nearest one', async () => {
  const dataDir = temporaryDataDir();
  const { exitCode, stderr } = await runKeyferry(
    serveLine(dataDir, ['--environment', 'staging', '--environment', 'prodution']),
  );
  expect(exitCode).toBe(1);
  expect(stderr).toBe(
    'error: --environment: "prodution" is not declared; declared are development, production, staging. Did you mean "production"? (environment_unknown)\n',
  );
});

test('serve --oidc-roles refuses an environment that is not declared: nobody is to see nothing by a slip', async () => {
  const dataDir = temporaryDataDir();
  const roles = join(dataDir, 'roles.json');
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  writeFileSync(roles, '[{ "value": "a", "role": "viewer", "environments": ["stagging"] }]');
  const oidc = {
    'public-admin-url': 'https://keyferry.example.com',
    'oidc-issuer': 'https://sso.example.com',
    'oidc-client-id': 'keyferry',
    'oidc-roles': roles,
  };
  const flags = Object.entries(oidc).flatMap(([name, value]) => [`--${name}`, value]);
  const { exitCode, stderr } = await runKeyferry(serveLine(dataDir, flags));
  expect([exitCode, stderr]).toEqual([
    1,
    'error: --oidc-roles: "stagging" is not declared; declared are development, production, staging. Did you mean "staging"? (environment_unknown)\n',
  ]);
});

test('the example works in an environment that is served', async () => {
  const server = await serveKeyferry({ flags: ['--example', '--environment', 'production'] });
  const token = await vi.waitUntil(
    () => /Keyferry-Token: (kfc_\S+)'.*\n/.exec(server.output)?.[1],
    PATIENCE_MS,
  );
  const { body } = await send(`${server.proxyUrl}/example/hello`, {
    headers: { 'keyferry-token': token },
  });
  expect(body).toBe('{"injected":true}');
});
