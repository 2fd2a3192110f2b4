import { createHash } from 'node:crypto';
import type { Answer } from '../../support/start-upstream.js';
import { sendAnswer } from '../../support/start-upstream.js';

const REPOSITORIES = ['one', 'two', 'three', 'four', 'five'];

/** The user, repositories and contents of GitHub's REST API, with its validators and `Link` pages. */
export function answerAsGitHub(key: string): Answer {
  return (request, response) => {
    const headers = {
      'x-github-request-id': 'ABCD:1234',
      'x-github-media-type': 'github.v3; format=json',
      'x-ratelimit-remaining': '4999',
    };
    const { authorization } = request.headers;
    if (authorization !== `token ${key}` && authorization !== `Bearer ${key}`) {
      const body = {
        message: 'Bad credentials',
        documentation_url: 'https://docs.github.com/rest',
      };
      return sendAnswer(response, { status: 401, headers, body });
    }
    const { pathname, searchParams } = request.url;
    switch (`${request.method} ${pathname}`) {
      case 'GET /user': {
        const body = { login: 'octocat', id: 1 };
        const hash = createHash('sha256').update(JSON.stringify(body)).digest('hex');
        const etag = `W/"${hash}"`;
        if (request.headers['if-none-match'] === etag) {
          response.writeHead(304, { ...headers, etag });
          response.end();
          return;
        }
        return sendAnswer(response, { status: 200, headers: { ...headers, etag }, body });
      }
      case 'GET /user/repos': {
        const page = Number(searchParams.get('page') ?? 1);
        const size = Number(searchParams.get('per_page') ?? 30);
        const names = REPOSITORIES.slice((page - 1) * size, page * size);
        const body = names.map((name, index) => ({ id: index, name }));
        return sendAnswer(response, { status: 200, headers, body });
      }
      case 'PUT /repos/octocat/one/contents/notes%2Fa.txt':
      case 'PUT /repos/octocat/one/contents/notes/a.txt': {
        const { content } = JSON.parse(request.body.toString()) as { content: string };
        const size = Buffer.from(content, 'base64').length;
        return sendAnswer(response, { status: 201, headers, body: { content: { size } } });
      }
      default: {
        const body = { message: 'Not Found', documentation_url: 'https://docs.github.com/rest' };
        sendAnswer(response, { status: 404, headers, body });
      }
    }
  };
}
