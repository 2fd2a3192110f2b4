import { startPlainUpstream } from '../../support/plain-upstream.js';
import { startKeyferry } from '../../support/start-keyferry.js';
import { keepAlive, send, startLoad } from '../../support/steady-load.js';
import type { Campaign, Slice, SliceOutcome } from '../campaign.js';

const PER_SECOND = 200;

/** Versions are activated and rolled back under load: the old one is not used after the answer. */
export const campaign: Campaign = {
  name: 'toggles',
  threat: 'a version stays in use after revocation',
  target: 10_000,
  unit: 'toggles',
  slice: 5_000,
  run,
};

async function run({ count, signal }: Slice): Promise<SliceOutcome> {
  const origin = await startPlainUpstream((request, response) => {
    response.end(request.headers.authorization);
  });
  const agent = keepAlive(16);
  const keyferry = await startKeyferry();
  const base = '/v1/secrets/key/environments/production';
  await keyferry.secret('key', { production: 'value-1' });
  await keyferry.admin('POST', `${base}/versions`, { value: 'value-2' });
  await keyferry.routes([
    {
      name: 'api',
      match: { pathPrefix: '/api' },
      headers: { Authorization: '<<secret:key>>' },
      // The upstream's answer says what it was given.
      echoScrub: 'off',
      environments: { production: { upstream: origin, allowPrivateNetwork: true } },
    },
  ]);
  const headers = { 'keyferry-token': await keyferry.client('production') };

  let current = 'value-1';
  /** Odd while a call is under way: what a request then sees is either. */
  let calls = 0;
  let checked = 0;
  const check = async (): Promise<void> => {
    const [expected, before] = [current, calls];
    const { body: seen } = await send(`${keyferry.proxyUrl}/api/x`, { agent, headers });
    if (before % 2 === 1 || before !== calls) {
      if (!/^value-[12]$/.test(seen)) throw new Error(`saw ${seen}`);
      return;
    }
    checked++;
    if (seen !== expected) throw new Error(`saw ${seen} after ${expected} was made current`);
  };
  const load = startLoad(PER_SECOND, check);
  let done = 0;
  while (done < count && signal?.aborted !== true) {
    calls++;
    if (done === 0) await keyferry.admin('POST', `${base}/versions/2/activate`);
    else await keyferry.admin('POST', `${base}/rollback`);
    done++;
    current = done % 2 === 1 ? 'value-2' : 'value-1';
    calls++;
    await Promise.all([check(), check()]);
  }
  const { failures } = await load.stop();
  agent.destroy();
  const findings = [...failures];
  if (checked < done * 2) findings.push(`only ${checked} requests could be judged`);
  return { done, findings };
}
