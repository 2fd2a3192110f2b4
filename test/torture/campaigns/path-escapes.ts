import fc from 'fast-check';
import { startPlainUpstream } from '../../support/plain-upstream.js';
import { rawClient, requestHead } from '../../support/raw-client.js';
import { resolvedPath } from '../../support/resolved-path.js';
import { startProxyBefore } from '../../support/start-proxy.js';
import type { Campaign, Slice, SliceOutcome } from '../campaign.js';

const WORKERS = 10;
const PIECES =
  '.. . / // \\ %2e %2E %2f %5c %25 2e 2f ; %3b a b ? % %00 : @ ~ + %c0%ae %u002e'.split(' ');

/** Targets made of what paths are escaped with: what arrives is below the route's base path, however decoded. */
export const campaign: Campaign = {
  name: 'path-escapes',
  threat: 'path leaves the route’s prefix',
  target: 10_000,
  unit: 'generated targets',
  slice: 50_000,
  run,
};

async function run({ seed, count, signal }: Slice): Promise<SliceOutcome> {
  const findings: string[] = [];
  let arrived = 0;
  const origin = await startPlainUpstream(({ url = '' }, response) => {
    arrived++;
    const path = url.split('?')[0] ?? '';
    if (!/^\/base(?:\/|$)/.test(path) || resolvedPath(path)[0] !== 'base') {
      findings.push(`${url} arrived`);
    }
    response.end('ok');
  });
  const { port, token } = await startProxyBefore(`${origin}/base`);
  const pieces = fc.array(fc.constantFrom(...PIECES), { maxLength: 8 });
  const targets = fc.sample(pieces, { numRuns: count, seed });
  let next = 0;
  let accepted = 0;
  const work = async (): Promise<void> => {
    let client = await rawClient(port);
    while (next < count && signal?.aborted !== true) {
      const target = `/api${(targets[next++] ?? []).join('')}`;
      if (client.closed !== 'open') client = await rawClient(port);
      client.send(requestHead('GET', target, token));
      const { status, headers } = await client.response();
      if (status === 200) accepted++;
      else if (status !== 400 && status !== 404) findings.push(`${target} was answered ${status}`);
      if (headers.connection === 'close') {
        client.socket.destroy();
        client = await rawClient(port);
      }
    }
    client.socket.destroy();
  };
  await Promise.all(Array.from({ length: WORKERS }, work));
  if (arrived !== accepted) findings.push(`${accepted} were accepted, ${arrived} arrived`);
  if (accepted < next / 50) findings.push(`only ${accepted} of ${next} were accepted`);
  return { done: next, findings, note: `${accepted} accepted` };
}
