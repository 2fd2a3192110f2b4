import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { startKeyferry } from '../support/start-keyferry.js';
import { keepAlive, send, startLoad } from '../support/steady-load.js';

/** `KEYFERRY_TORTURE=1` runs the whole number. */
const TOGGLES = process.env.KEYFERRY_TORTURE === undefined ? 300 : 10_000;
const PER_SECOND = 200;

test(`${TOGGLES} times activated and rolled back under load: the old version is not used after the answer`, async () => {
  const upstream = createServer((request, response) => {
    response.end(request.headers.authorization);
  });
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  const agent = keepAlive(16);
  onTestFinished(() => {
    agent.destroy();
    upstream.close();
    upstream.closeAllConnections();
  });
  const origin = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  const keyferry = await startKeyferry();
  const base = '/v1/secrets/key/environments/production';
  await keyferry.secret('key', { production: 'value-1' });
  await keyferry.admin('POST', `${base}/versions`, { value: 'value-2' });
  await keyferry.routes([
    {
      name: 'api',
      match: { pathPrefix: '/api' },
      headers: { Authorization: '<<secret:key>>' },
      environments: { production: { upstream: origin, allowPrivateNetwork: true } },
    },
  ]);
  const headers = { 'keyferry-token': await keyferry.client('production') };
  const ask = async (): Promise<string> =>
    (await send(`${keyferry.proxyUrl}/api/x`, { agent, headers })).body;

  let current = 'value-1';
  /** Odd while a call is under way: what a request then sees is either. */
  let calls = 0;
  let checked = 0;
  const check = async (): Promise<void> => {
    const [expected, before] = [current, calls];
    const seen = await ask();
    if (before % 2 === 1 || before !== calls) {
      if (!/^value-[12]$/.test(seen)) throw new Error(`saw ${seen}`);
      return;
    }
    checked++;
    if (seen !== expected) throw new Error(`saw ${seen} after ${expected} was made current`);
  };
  const load = startLoad(PER_SECOND, check);
  for (let toggle = 1; toggle <= TOGGLES; toggle++) {
    calls++;
    if (toggle === 1) await keyferry.admin('POST', `${base}/versions/2/activate`);
    else await keyferry.admin('POST', `${base}/rollback`);
    current = toggle % 2 === 1 ? 'value-2' : 'value-1';
    calls++;
    await Promise.all([check(), check()]);
  }
  const { failures } = await load.stop();
  expect(failures).toEqual([]);
  expect(checked).toBeGreaterThanOrEqual(TOGGLES * 2);
}, 600_000);
