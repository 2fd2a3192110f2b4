import { randomBytes } from 'node:crypto';
import { rawClient, requestHead } from '../../support/raw-client.js';
import { seededRandom } from '../../support/seeded-random.js';
import { startProxyBefore } from '../../support/start-proxy.js';
import { startUpstream } from '../../support/start-upstream.js';
import type { Campaign, Slice, SliceOutcome } from '../campaign.js';

/** Refused before the first 429, within a minute and from one address. */
const MAX_FREE = 60;
const VALID_EVERY = 100;

/** Guesses at tokens are soon turned away, while valid tokens of the same address pass. */
export const campaign: Campaign = {
  name: 'token-guesses',
  threat: 'brute force, timing on tokens',
  target: 1_000,
  unit: 'guesses at tokens',
  slice: 20_000,
  run,
};

async function run({ seed, count, signal }: Slice): Promise<SliceOutcome> {
  const random = seededRandom(seed);
  const upstream = await startUpstream((_request, response) => void response.end('ok'));
  const { port, token } = await startProxyBefore(upstream.origin);
  const client = await rawClient(port);
  const findings: string[] = [];
  const guess = (): string => {
    const kind = random();
    const noise = randomBytes(45).toString('base64url');
    // Any token; or the public id of a real one with another secret.
    return kind < 0.5 ? `kfc_${noise}` : token.slice(0, -20) + noise.slice(0, 20);
  };
  let refused = 0;
  let limited = 0;
  let valid = 0;
  let done = 0;
  while (done < count && signal?.aborted !== true) {
    client.send(requestHead('GET', '/api', guess()));
    const { status, headers } = await client.response();
    done++;
    if (status === 401) refused++;
    else if (status === 429) limited++;
    else findings.push(`a guess was answered ${status}`);
    if (status === 401 && limited > 0 && refused > MAX_FREE) findings.push('401 after 429');
    const seconds = Number(headers['retry-after']);
    if (status === 429 && !(seconds >= 1 && seconds <= 60)) findings.push(`wait ${seconds} s`);
    if (done % VALID_EVERY !== 0) continue;
    valid++;
    client.send(requestHead('GET', '/api', token));
    const answer = await client.response();
    if (answer.status !== 200) findings.push(`a valid token was answered ${answer.status}`);
  }
  if (refused > MAX_FREE) findings.push(`${refused} guesses were looked at`);
  if (upstream.seen.length !== valid) findings.push(`${upstream.seen.length} requests passed`);
  return { done, findings, note: `${refused} refused, ${limited} turned away` };
}
