import { Octokit } from '@octokit/rest';

const { PROXY_URL = 'http://127.0.0.1:8080', CLIENT_TOKEN } = process.env;

const octokit = new Octokit({
  baseUrl: `${PROXY_URL}/github`, // was: the default, https://api.github.com
  auth: CLIENT_TOKEN, // was: process.env.GITHUB_TOKEN
});

const { data: user } = await octokit.rest.users.getAuthenticated();
console.log(`signed in as ${user.login}`);

// Page by number: `octokit.paginate` follows links that lead to the API itself, past the proxy.
for (let page = 1; ; page++) {
  const options = { page, per_page: 2 };
  const { data: repositories } = await octokit.rest.repos.listForAuthenticatedUser(options);
  for (const { name } of repositories) console.log(name);
  if (repositories.length < options.per_page) break;
}
