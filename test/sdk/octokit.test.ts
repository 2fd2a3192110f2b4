import { Octokit } from '@octokit/rest';
import { describe, expect, it } from 'vitest';
import { startUpstream } from '../support/start-upstream.js';
import { REAL_KEY, startBehindKeyferry } from './start-behind-keyferry.js';
import { answerAsGitHub } from './upstreams/github.js';

async function start() {
  const upstream = await startUpstream(answerAsGitHub(REAL_KEY));
  const route = {
    match: { pathPrefix: '/github' },
    headers: { Authorization: 'token <<secret:api_key>>' },
  };
  const behind = await startBehindKeyferry(upstream, { route });
  const octokit = new Octokit({ baseUrl: behind.baseUrl, auth: behind.token });
  return { ...behind, upstream, octokit };
}

describe('@octokit/rest with base URL and client token alone', () => {
  it('reads the user', async () => {
    const { octokit, upstream, token } = await start();
    const { data, headers } = await octokit.rest.users.getAuthenticated();
    expect(data.login).toBe('octocat');
    expect(headers['x-ratelimit-remaining']).toBe('4999');
    expect(upstream.seen[0]?.target).toBe('/user');
    expect(upstream.seen[0]?.rawHeaders.join('\n')).not.toContain(token);
  });

  it('revalidates with an entity tag and gets a 304', async () => {
    const { octokit } = await start();
    const { headers } = await octokit.rest.users.getAuthenticated();
    const again = octokit.rest.users.getAuthenticated({
      headers: { 'if-none-match': headers.etag ?? '' },
    });
    await expect(again).rejects.toMatchObject({ status: 304 });
    const { data } = await octokit.rest.users.getAuthenticated();
    expect(data.login).toBe('octocat');
  });

  it('reads page after page by number', async () => {
    const { octokit } = await start();
    const names: string[] = [];
    for (let page = 1; page <= 3; page++) {
      const { data } = await octokit.rest.repos.listForAuthenticatedUser({ page, per_page: 2 });
      names.push(...data.map(({ name }) => name));
    }
    expect(names).toEqual(['one', 'two', 'three', 'four', 'five']);
  });

  it('writes a file below a folder', async () => {
    const { octokit } = await start();
    const { status, data } = await octokit.rest.repos.createOrUpdateFileContents({
      owner: 'octocat',
      repo: 'one',
      path: 'notes/a.txt',
      message: 'add',
      content: Buffer.from('hello').toString('base64'),
    });
    expect(status).toBe(201);
    expect(data.content?.size).toBe(5);
  });

  it("throws its RequestError for the API's own 404, and for Keyferry's 401", async () => {
    const { octokit, baseUrl, upstream } = await start();
    const missing = octokit.rest.repos.get({ owner: 'octocat', repo: 'none' });
    await expect(missing).rejects.toMatchObject({
      name: 'HttpError',
      status: 404,
      response: { data: { message: 'Not Found' } },
    });
    const before = upstream.seen.length;
    const stranger = new Octokit({ baseUrl, auth: 'ghp_not_a_client_token' });
    await expect(stranger.rest.users.getAuthenticated()).rejects.toMatchObject({
      status: 401,
      response: { headers: { 'keyferry-error': 'client_unauthenticated' } },
    });
    expect(upstream.seen).toHaveLength(before);
  });
});
