import { answerOf, startDelayedUpstream, startFlood } from '../../support/start-flood.js';
import type { Campaign, Slice, SliceOutcome } from '../campaign.js';

/** Work for the process: each answer is searched for the value that was placed. */
const TEXT = 'lorem ipsum dolor sit amet '.repeat(20_000).slice(0, 512 * 1024);
const CALM_CONNECTIONS = 16;
const CONNECTIONS = 300;
const CALM_MS = 4000;
const STORM_MS = 8000;
/** An answer that comes later is of no use. */
const IN_TIME_MS = 3000;
/** What must be left of the best that there is without overload (threats). */
const GOODPUT = 0.9;

/** Twice what the process can do: it turns away what is too much, and serves as much as before. */
export const campaign: Campaign = {
  name: 'overload',
  threat: 'slow clients, huge headers, floods',
  target: 12,
  unit: 'rounds at twice the load',
  // All at once: four rounds alone vary by several percent from one run to the next.
  slice: 12,
  run,
};

async function run({ count, signal }: Slice): Promise<SliceOutcome> {
  const upstream = await startDelayedUpstream(answerOf(TEXT), 0);
  const flags = ['--max-concurrent-requests', '32'];
  const { server, flood, open } = await startFlood(upstream, CALM_CONNECTIONS, flags);
  await flood.closedLoop(CALM_CONNECTIONS, CALM_MS);
  let [best, inTime, refused, done] = [0, 0, 0, 0];
  const findings: string[] = [];
  // In turns, so that what else the machine does weighs on both.
  while (done < count && signal?.aborted !== true) {
    const calm = await flood.closedLoop(CALM_CONNECTIONS, CALM_MS);
    const perSecond = calm.okMs.length / calm.seconds;
    await open(CONNECTIONS);
    const storm = await flood.openLoop(perSecond * 2, STORM_MS);
    best += perSecond;
    inTime += storm.okMs.filter((ms) => ms < IN_TIME_MS).length / storm.seconds;
    refused += storm.answers[503] ?? 0;
    const others = Object.keys(storm.answers).filter((one) => one !== '200' && one !== '503');
    if (others.length > 0) findings.push(`answered ${others.join(', ')}`);
    done++;
  }
  const share = inTime / best;
  const note = `${Math.round(share * 100)} % of ${Math.round(best / done)} per second, ${refused} turned away`;
  if (!(share >= GOODPUT)) findings.push(note);
  if ((await server.stop()).exitCode !== 0) findings.push('the server did not end well');
  return { done, findings, note };
}
