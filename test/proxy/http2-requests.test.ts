import { expect, it } from 'vitest';
import { ask, http2Session, startHttp2Proxy } from '../support/start-http2-proxy.js';
import { REAL_KEY } from '../support/start-proxy.js';
import { startUpstream } from '../support/start-upstream.js';

it('a request over HTTP/2 reaches the upstream with the secret, by the same path', async () => {
  const upstream = await startUpstream((_request, response) => void response.end('hello'));
  const { port, token, decisions, ended } = await startHttp2Proxy(upstream.origin);
  const session = await http2Session(port);
  const answer = await ask(session, { ':path': '/api/things?a=%2F', 'keyferry-token': token });
  expect(answer).toMatchObject({ status: 200, body: 'hello', complete: true });
  const [seen] = upstream.seen;
  expect(seen).toMatchObject({ method: 'GET', target: '/things?a=%2F' });
  expect(seen?.headers).toMatchObject({ authorization: `Bearer ${REAL_KEY}` });
  expect(seen?.headers['keyferry-token']).toBeUndefined();
  await ended(1);
  expect(decisions[0]).toMatchObject({ method: 'GET', route: 'api', status: 200, code: undefined });
  const posted = await ask(
    session,
    { ':path': '/api/x', ':method': 'POST', authorization: `Bearer ${token}` },
    'body',
  );
  expect(posted.status).toBe(200);
  expect(upstream.seen[1]?.body.toString()).toBe('body');
  const refused = await ask(session, { ':path': '/api/x' });
  expect(refused.status).toBe(401);
  expect(refused.headers['keyferry-error']).toBe('client_unauthenticated');
});
