import { gzipSync } from 'node:zlib';
import type { Answer, SeenRequest } from '../../support/start-upstream.js';
import { sendAnswer } from '../../support/start-upstream.js';

/**
 * A JSON API of no particular maker: tells what arrived (but never the credential), gives gzip to who takes
 * it, a redirect, an empty answer and its own errors.
 */
export function answerAsAnyApi(isAuthentic: (request: SeenRequest) => boolean): Answer {
  return (request, response) => {
    if (!isAuthentic(request)) {
      const headers = { 'www-authenticate': 'Bearer realm="any-api"' };
      return sendAnswer(response, { status: 401, headers, body: { error: 'wrong_credential' } });
    }
    const { pathname, searchParams } = request.url;
    switch (pathname) {
      case '/gzip': {
        const body = gzipSync(JSON.stringify({ text: 'x'.repeat(2000) }));
        response.writeHead(200, {
          'content-type': 'application/json',
          'content-encoding': 'gzip',
          'content-length': body.length,
          vary: 'Accept-Encoding',
        });
        response.end(body);
        return;
      }
      case '/redirect':
        return sendAnswer(response, { status: 302, headers: { location: '/elsewhere' } });
      case '/empty':
        response.writeHead(204);
        response.end();
        return;
      case '/teapot':
        return sendAnswer(response, {
          status: 418,
          headers: { 'x-reason': 'short and stout', 'set-cookie': ['a=1', 'b=2'] },
          body: { error: 'teapot' },
        });
      default: {
        const query = Object.fromEntries(searchParams);
        delete query.key;
        const { method } = request;
        const body = { method, path: pathname, query, bytes: request.body.length };
        sendAnswer(response, { status: 200, body });
      }
    }
  };
}
