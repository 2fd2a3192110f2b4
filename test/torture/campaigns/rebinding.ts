import type { LookupAddress } from 'node:dns';
import { rawClient, requestHead } from '../../support/raw-client.js';
import { seededRandom } from '../../support/seeded-random.js';
import { startProxyBefore } from '../../support/start-proxy.js';
import { startUpstream } from '../../support/start-upstream.js';
import type { Campaign, Slice, SliceOutcome } from '../campaign.js';

const WORKERS = 10;
const PRIVATES = [
  '127.0.0.1',
  '127.9.8.7',
  '::1',
  '::ffff:127.0.0.1',
  '::ffff:7f00:1',
  '64:ff9b::7f00:1',
  '2002:7f00:1::',
  '10.0.0.1',
  '100.64.0.1',
  '169.254.169.254',
  'fe80::1',
  'fd00:ec2::254',
  '0.0.0.0',
  '::',
];

/** Names whose answers are private at the moment of the connection, one or several at once: none is dialled. */
export const campaign: Campaign = {
  name: 'rebinding',
  threat: 'SSRF, DNS rebinding',
  target: 1_000,
  unit: 'rebinding answers',
  slice: 10_000,
  run,
};

async function run({ seed, count, signal }: Slice): Promise<SliceOutcome> {
  const random = seededRandom(seed);
  const upstream = await startUpstream((_request, response) => void response.end('ok'));
  let lookups = 0;
  const { port, token } = await startProxyBefore(
    `http://rebinding.test:${upstream.port}`,
    { allowPrivateNetwork: false, timeouts: { connectMs: 10_000 } },
    {
      resolveAll: (_name, _options, callback) => {
        lookups++;
        // Never a public one, which would be dialled from here.
        const answers = Array.from({ length: 1 + Math.floor(random() * 3) }, (): LookupAddress => {
          const address = PRIVATES[Math.floor(random() * PRIVATES.length)] ?? '';
          return { address, family: address.includes(':') ? 6 : 4 };
        });
        callback(null, answers);
      },
    },
  );
  const findings: string[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    const client = await rawClient(port);
    while (next < count && signal?.aborted !== true) {
      next++;
      client.send(requestHead('GET', '/api', token));
      const { status, headers } = await client.response();
      const code = headers['keyferry-error'];
      if (code !== 'upstream_address_denied') findings.push(`answered ${status} ${code}`);
    }
    client.socket.destroy();
  };
  await Promise.all(Array.from({ length: WORKERS }, work));
  if (lookups < next) findings.push(`only ${lookups} look-ups for ${next} requests`);
  if (upstream.connections > 0) findings.push(`${upstream.connections} connections were made`);
  return { done: next, findings };
}
