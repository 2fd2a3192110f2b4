import { expect, test } from 'vitest';
import { SecretValue } from '../../src/core/index.js';
import { TEST_ACTOR } from '../support/open-test-store.js';
import { rawClient, requestHead } from '../support/raw-client.js';
import { apiRoute, startProxy } from '../support/start-proxy.js';
import { startUpstream } from '../support/start-upstream.js';

test.each([
  [['127.0.0.1'], {}, true],
  [['127.0.0.1', 'ledger.test'], { serverName: 'ledger.test' }, true],
  [['127.0.0.1'], { serverName: 'ledger.test' }, false],
  [['127.0.0.1', '*.ledger.test'], { serverName: 'ledger.test' }, false],
  [['ledger.test'], { serverName: 'ledger.test' }, false],
  [['localhost'], {}, false],
])('a secret for %j is sent to 127.0.0.1, verified as %j: %s', async (allowedHosts, tls, sent) => {
  const upstream = await startUpstream((_request, response) => void response.end('ok'));
  const rig = await startProxy();
  const [actor, name] = [TEST_ACTOR, 'api_key'];
  await rig.store.createSecret({ actor, name, allowedHosts });
  const value = SecretValue.fromText('a value of some length');
  await rig.store.addVersion({ actor, secret: name, environment: 'production', value });
  await rig.routes([apiRoute(upstream.origin, { tls })]);
  const { token } = await rig.client('production');
  const client = (await rawClient(rig.port)).send(requestHead('GET', '/api', token));
  const { status, headers } = await client.response();
  expect(status).toBe(sent ? 200 : 502);
  if (!sent) expect(headers['keyferry-error']).toBe('upstream_address_denied');
  expect(upstream.connections).toBe(sent ? 1 : 0);
});
