import { spawn } from 'node:child_process';
import type { Answer } from '../../support/start-upstream.js';
import { sendAnswer } from '../../support/start-upstream.js';

/**
 * Git's smart HTTP protocol over the repositories in a folder, by git's own CGI program, for one user and
 * password (git-http-backend(1)).
 */
export function answerAsGit(folder: string, user: string, password: string): Answer {
  const credential = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  return async (request, response) => {
    const { headers, url, method, body } = request;
    if (headers.authorization !== credential) {
      const challenge = { 'www-authenticate': 'Basic realm="git upstream"' };
      return sendAnswer(response, { status: 401, headers: challenge, body: 'wrong credential' });
    }
    const child = spawn('git', ['http-backend'], {
      env: {
        PATH: process.env.PATH,
        GIT_PROJECT_ROOT: folder,
        GIT_HTTP_EXPORT_ALL: '1',
        GIT_PROTOCOL: String(headers['git-protocol'] ?? ''),
        REQUEST_METHOD: method,
        PATH_INFO: url.pathname,
        QUERY_STRING: url.search.slice(1),
        CONTENT_TYPE: headers['content-type'] ?? '',
        CONTENT_LENGTH: String(body.length),
        HTTP_CONTENT_ENCODING: headers['content-encoding'] ?? '',
        REMOTE_USER: user,
        REMOTE_ADDR: '127.0.0.1',
      },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    // It need not read what it does not need.
    child.stdin.on('error', () => undefined);
    child.stdin.end(body);
    const pieces: Buffer[] = [];
    for await (const piece of child.stdout) pieces.push(piece as Buffer);
    const output = Buffer.concat(pieces);
    const end = output.indexOf('\r\n\r\n');
    let status = 200;
    for (const line of output.subarray(0, end).toString('latin1').split('\r\n')) {
      const colon = line.indexOf(':');
      const name = line.slice(0, colon);
      const value = line.slice(colon + 1).trim();
      if (name.toLowerCase() === 'status') status = Number.parseInt(value, 10);
      else response.setHeader(name, value);
    }
    response.writeHead(status);
    response.end(output.subarray(end + 4));
  };
}
