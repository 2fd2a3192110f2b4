import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { isInstalled, runProgram } from '../support/run-program.js';
import { startUpstream } from '../support/start-upstream.js';
import { REAL_KEY, startBehindKeyferry } from './start-behind-keyferry.js';
import { answerAsGit } from './upstreams/git.js';

const USER = 'deploy-bot';

async function start() {
  const folder = await mkdtemp(join(tmpdir(), 'keyferry-git-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const git = (args: readonly string[], cwd = folder) =>
    runProgram('git', ['-c', 'credential.helper=', ...args], {
      cwd,
      env: {
        HOME: folder,
        GIT_CONFIG_NOSYSTEM: '1',
        GIT_TERMINAL_PROMPT: '0',
        GIT_AUTHOR_NAME: 'A',
        GIT_AUTHOR_EMAIL: 'a@example.com',
        GIT_COMMITTER_NAME: 'A',
        GIT_COMMITTER_EMAIL: 'a@example.com',
      },
    });
  const must = async (args: readonly string[], cwd?: string): Promise<string> => {
    const { code, stdout, stderr } = await git(args, cwd);
    expect([code, code === 0 ? '' : stderr]).toEqual([0, '']);
    return stdout;
  };
  await must(['init', '-q', '--bare', '-b', 'main', 'repo.git']);
  await must(['-C', 'repo.git', 'config', 'http.receivepack', 'true']);
  await must(['init', '-q', '-b', 'main', 'seed']);
  await writeFile(join(folder, 'seed', 'hello.txt'), 'hello\n');
  await must(['-C', 'seed', 'add', '.']);
  await must(['-C', 'seed', 'commit', '-q', '-m', 'first']);
  await must(['-C', 'seed', 'push', '-q', join(folder, 'repo.git'), 'main']);

  const upstream = await startUpstream(answerAsGit(folder, USER, REAL_KEY));
  const behind = await startBehindKeyferry(upstream, {
    route: {
      match: { pathPrefix: '/git' },
      headers: { Authorization: '<<basic:git_user,api_key>>' },
    },
    secrets: { git_user: USER },
  });
  const urlFor = (credential: string): string =>
    `${behind.baseUrl.replace('://', `://${credential}@`)}/repo.git`;
  return { ...behind, upstream, folder, git, must, urlFor };
}

describe.skipIf(!isInstalled('git'))('git over HTTP', () => {
  it('lists, clones and pushes with the token as password', async () => {
    const { must, folder, token, upstream, urlFor } = await start();
    const url = urlFor(`anyone:${token}`);
    expect(await must(['ls-remote', url])).toMatch(/^[0-9a-f]{40}\trefs\/heads\/main$/m);
    await must(['clone', '-q', url, 'copy']);
    const copy = join(folder, 'copy');
    expect(await readFile(join(copy, 'hello.txt'), 'utf8')).toBe('hello\n');
    // More than http.postBuffer, so that git sends it in chunks of unknown total length.
    await writeFile(join(copy, 'large.bin'), randomText(1_500_000));
    await must(['add', '.'], copy);
    await must(['commit', '-q', '-m', 'second'], copy);
    await must(['push', '-q', 'origin', 'main'], copy);
    expect(await must(['-C', 'repo.git', 'log', '--format=%s', 'main'])).toBe('second\nfirst\n');
    const pushed = upstream.seen.filter(({ target }) => target === '/repo.git/git-receive-pack');
    expect(pushed.at(-1)?.headers['transfer-encoding']).toBe('chunked');
  });

  it('takes the token as user name', async () => {
    const { must, token, urlFor } = await start();
    const listed = await must(['ls-remote', urlFor(`${token}:x-oauth-basic`)]);
    expect(listed).toContain('refs/heads/main');
  });

  it('fails as with any wrong password without a valid token', async () => {
    const { git, upstream, urlFor } = await start();
    const { code, stderr } = await git(['ls-remote', urlFor('anyone:wrong')]);
    expect(code).toBe(128);
    expect(stderr).toContain('Authentication failed');
    expect(upstream.connections).toBe(0);
  });
});

/** Text that does not compress away. */
function randomText(length: number): string {
  let text = '';
  let state = 1;
  while (text.length < length) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    text += state.toString(36);
  }
  return text;
}
