import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { RouteMatch } from '../../src/core/index.js';
import { isInstalled, runProgram } from '../support/run-program.js';
import { type Answer, sendAnswer, startUpstream } from '../support/start-upstream.js';
import { REAL_KEY, startBehindKeyferry } from './start-behind-keyferry.js';

const NAME = '@acme/anvil';
const TARBALL_PATH = `/${NAME}/-/anvil-2.1.0.tgz`;

/** A registry with one scoped package, for one token. Its tarball's URL is the registry's own. */
function answerAsRegistry(tarball: Buffer): Answer {
  return ({ headers, target }, response) => {
    if (headers.authorization !== `Bearer ${REAL_KEY}`) {
      return sendAnswer(response, { status: 401, body: { error: 'Unauthorized' } });
    }
    if (target === TARBALL_PATH) {
      response.writeHead(200, { 'content-type': 'application/octet-stream' });
      response.end(tarball);
      return;
    }
    if (target !== '/@acme%2fanvil') {
      return sendAnswer(response, { status: 404, body: { error: 'Not found' } });
    }
    const dist = {
      tarball: `https://registry.invalid${TARBALL_PATH}`,
      integrity: `sha512-${createHash('sha512').update(tarball).digest('base64')}`,
    };
    const versions = { '2.1.0': { name: NAME, version: '2.1.0', dist } };
    const body = { _id: NAME, name: NAME, 'dist-tags': { latest: '2.1.0' }, versions };
    sendAnswer(response, { status: 200, body });
  };
}

async function start(match: RouteMatch) {
  const folder = await mkdtemp(join(tmpdir(), 'keyferry-npm-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const upstream = await startUpstream(answerAsRegistry(await pack(folder)));
  const behind = await startBehindKeyferry(upstream, {
    route: { match, headers: { Authorization: 'Bearer <<secret:api_key>>' } },
  });
  const npm = async (registry: string, authToken: string, ...args: string[]) => {
    const settings = [
      `registry=${registry}/`,
      `${registry.replace('http:', '')}/:_authToken=${authToken}`,
      'replace-registry-host=always',
      'update-notifier=false',
      'fetch-retries=0',
      'audit=false',
      'fund=false',
    ];
    await writeFile(join(folder, '.npmrc'), `${settings.join('\n')}\n`);
    const env = { HOME: folder, npm_config_cache: join(folder, 'cache') };
    return runProgram('npm', args, { cwd: folder, env });
  };
  return { ...behind, upstream, folder, npm };
}

/** The package itself, as `npm publish` would send it. */
async function pack(folder: string): Promise<Buffer> {
  await mkdir(join(folder, 'package'));
  const manifest = JSON.stringify({ name: NAME, version: '2.1.0' });
  await writeFile(join(folder, 'package', 'package.json'), manifest);
  const { code } = await runProgram('tar', ['-czf', 'anvil.tgz', 'package'], { cwd: folder });
  expect(code).toBe(0);
  return readFile(join(folder, 'anvil.tgz'));
}

describe.skipIf(!isInstalled('npm') || !isInstalled('tar'))('npm', () => {
  it('views a private package with the token as _authToken', async () => {
    const { baseUrl, token, npm, upstream } = await start({ pathPrefix: '/npm' });
    const viewed = await npm(baseUrl, token, 'view', NAME, 'version');
    expect([viewed.code, viewed.stdout.trim()]).toEqual([0, '2.1.0']);
    expect(upstream.seen[0]?.target).toBe('/@acme%2fanvil');
    const refused = await npm(baseUrl, 'npm_not_a_client_token', 'view', NAME, 'version');
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain('E401');
    expect(upstream.seen).toHaveLength(1);
  });

  it('installs it through a route that is matched by host', async () => {
    const { keyferry, token, npm, upstream, folder } = await start({ host: 'localhost' });
    const registry = keyferry.proxyUrl.replace('127.0.0.1', 'localhost');
    const installed = await npm(registry, token, 'install', NAME);
    expect([installed.code, installed.stderr]).toEqual([0, '']);
    expect(upstream.seen.map(({ target }) => target)).toContain(TARBALL_PATH);
    const manifest = join(folder, 'node_modules', NAME, 'package.json');
    expect(JSON.parse(await readFile(manifest, 'utf8'))).toMatchObject({ version: '2.1.0' });
  });
});
