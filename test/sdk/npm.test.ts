import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { isInstalled, runProgram } from '../support/run-program.js';
import { type Answer, sendAnswer, startUpstream } from '../support/start-upstream.js';
import { REAL_KEY, startBehindKeyferry } from './start-behind-keyferry.js';

/** A registry with one scoped package, for one token. */
const answerAsRegistry: Answer = ({ headers, target }, response) => {
  if (headers.authorization !== `Bearer ${REAL_KEY}`) {
    return sendAnswer(response, { status: 401, body: { error: 'Unauthorized' } });
  }
  if (target !== '/@acme%2fanvil') {
    return sendAnswer(response, { status: 404, body: { error: 'Not found' } });
  }
  const name = '@acme/anvil';
  const dist = { tarball: `https://registry.invalid/${name}/-/anvil-2.1.0.tgz`, shasum: '0' };
  sendAnswer(response, {
    status: 200,
    body: {
      _id: name,
      name,
      'dist-tags': { latest: '2.1.0' },
      versions: { '2.1.0': { name, version: '2.1.0', dist } },
      time: { '2.1.0': '2026-11-01T00:00:00.000Z' },
    },
  });
};

describe.skipIf(!isInstalled('npm'))('npm', () => {
  it('views a private package with the token as _authToken', async () => {
    const upstream = await startUpstream(answerAsRegistry);
    const { baseUrl, token } = await startBehindKeyferry(upstream, {
      route: {
        match: { pathPrefix: '/npm' },
        headers: { Authorization: 'Bearer <<secret:api_key>>' },
      },
    });
    const folder = await mkdtemp(join(tmpdir(), 'keyferry-npm-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const view = async (authToken: string) => {
      const settings = [
        `registry=${baseUrl}/`,
        `${baseUrl.replace('http:', '')}/:_authToken=${authToken}`,
        'update-notifier=false',
        'fetch-retries=0',
      ];
      await writeFile(join(folder, '.npmrc'), `${settings.join('\n')}\n`);
      return runProgram('npm', ['view', '@acme/anvil', 'version'], {
        cwd: folder,
        env: { HOME: folder, npm_config_cache: join(folder, 'cache') },
      });
    };
    const viewed = await view(token);
    expect([viewed.code, viewed.stdout.trim()]).toEqual([0, '2.1.0']);
    expect(upstream.seen[0]?.target).toBe('/@acme%2fanvil');
    const refused = await view('npm_not_a_client_token');
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain('E401');
    expect(upstream.seen).toHaveLength(1);
  });
});
