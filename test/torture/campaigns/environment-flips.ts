import { startPlainUpstream } from '../../support/plain-upstream.js';
import { rawClient, requestHead } from '../../support/raw-client.js';
import { seededRandom } from '../../support/seeded-random.js';
import { apiRoute, startProxy } from '../../support/start-proxy.js';
import type { Campaign, Slice, SliceOutcome } from '../campaign.js';

const WORKERS = 10;
const VALUES = { production: 'live-value', staging: 'test-value', development: 'dev-value' };

/** Requests that alternate between environments while routes are put again and again: no value is mixed up. */
export const campaign: Campaign = {
  name: 'environment-flips',
  threat: 'client picks host, environment or route by header',
  target: 1_000,
  unit: 'concurrent environment flips',
  slice: 20_000,
  run,
};

async function run({ seed, count, signal }: Slice): Promise<SliceOutcome> {
  const random = seededRandom(seed);
  const rig = await startProxy();
  await rig.secret('api_key', VALUES);
  const origin = await startPlainUpstream(({ headers, url }, response) => {
    response.end(`${url} ${headers.authorization}`);
  });
  const names = Object.keys(VALUES) as (keyof typeof VALUES)[];
  const environments = Object.fromEntries(names.map((name) => [name, { upstream: origin }]));
  const document = (revision: number) => [
    apiRoute(origin, {
      environments,
      echoScrub: 'off',
      headers: { Authorization: 'Bearer <<secret:api_key>>', 'X-Revision': String(revision) },
    }),
  ];
  await rig.routes(document(0));
  const tokens = await Promise.all(names.map(async (name) => (await rig.client(name)).token));
  const findings: string[] = [];
  let next = 0;
  let stop = false;
  const reloads = (async () => {
    for (let revision = 1; !stop; revision++) await rig.routes(document(revision));
  })();
  const work = async (): Promise<void> => {
    const client = await rawClient(rig.port);
    while (next < count && signal?.aborted !== true) {
      const number = next++;
      const which = Math.floor(random() * names.length);
      const name = names[which] as keyof typeof VALUES;
      client.send(requestHead('GET', `/api/${number}`, tokens[which] ?? ''));
      const { body } = await client.response();
      const expected = `/${number} Bearer ${VALUES[name]}`;
      if (body !== expected) findings.push(`${body} instead of ${expected}`);
    }
    client.socket.destroy();
  };
  await Promise.all(Array.from({ length: WORKERS }, work));
  stop = true;
  await reloads;
  return { done: next, findings };
}
