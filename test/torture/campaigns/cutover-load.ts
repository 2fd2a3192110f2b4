import { vi } from 'vitest';
import { startCredentialUpstream } from '../../support/credential-upstream.js';
import {
  clientsOf,
  NEW_KEY,
  OLD_KEY,
  prepareCutover,
  startCutover,
  untilCutover,
  usesByVersion,
} from '../../support/cutover-rig.js';
import { PATIENCE_MS } from '../../support/patience.js';
import { serveKeyferry } from '../../support/serve-process.js';
import { startLoad } from '../../support/steady-load.js';
import type { Campaign, Slice, SliceOutcome } from '../campaign.js';

const CLIENTS = 50;
const PER_SECOND = 1000;
/** From here on a slice takes a cutover with its default settings through. */
const WHOLE = 80_000;
const SHORT = { stepMinSeconds: 1, stepMinSamples: 20 };

/** An upstream that knows both keys meets a cutover: no request fails, each is counted for one version. */
export const campaign: Campaign = {
  name: 'cutover-load',
  threat: 'a cutover fails requests',
  target: 400_000,
  unit: 'requests of 50 clients through cutovers with default settings',
  slice: WHOLE,
  run,
};

async function run({ count }: Slice): Promise<SliceOutcome> {
  const isWhole = count >= WHOLE;
  const upstream = await startCredentialUpstream(OLD_KEY, NEW_KEY);
  const server = await serveKeyferry();
  await prepareCutover(server, upstream.origin);
  const tokens: string[] = [];
  while (tokens.length < CLIENTS) tokens.push(await server.client('production'));
  const ask = clientsOf(server, tokens);
  const load = startLoad(isWhole ? PER_SECOND : count / 6, async (call) => {
    const status = await ask(call);
    if (status !== 200) throw new Error(`status ${status}`);
  });
  const { id } = await startCutover(server, isWhole ? {} : SHORT);
  await untilCutover(server, id, { state: 'CURRENT' }, 300_000);
  await vi.waitUntil(() => load.sent >= count, { timeout: 300_000 });
  const { sent, failures } = await load.stop();

  const findings = failures.slice(0, 20);
  const { seen } = upstream;
  const came = { v1: seen.get(OLD_KEY) ?? 0, v2: seen.get(NEW_KEY) ?? 0 };
  const others = [...seen.keys()].filter((key) => key !== OLD_KEY && key !== NEW_KEY);
  if (others.length > 0) findings.push(`requests without a credential, or another: ${others}`);
  if (came.v1 + came.v2 !== sent) findings.push(`${came.v1} + ${came.v2} came of ${sent}`);
  const counted = async (): Promise<readonly [v1: number, v2: number]> => {
    const uses = await usesByVersion(server);
    return [uses.get(1) ?? 0, uses.get(2) ?? 0];
  };
  await vi
    .waitUntil(
      async () => {
        const [v1, v2] = await counted();
        return v1 === came.v1 && v2 === came.v2;
      },
      { timeout: PATIENCE_MS, interval: 200 },
    )
    .catch(async () => {
      findings.push(`counted ${await counted()}, came ${came.v1},${came.v2}`);
    });
  await server.admin('POST', `/v1/cutovers/${id}/complete`);
  const note = `${sent} requests: ${came.v1} with version 1, ${came.v2} with version 2`;
  return { done: Math.min(sent, count), findings, note };
}
