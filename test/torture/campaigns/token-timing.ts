import { seededRandom } from '../../support/seeded-random.js';
import { startProxyBefore } from '../../support/start-proxy.js';
import type { Campaign, Slice, SliceOutcome } from '../campaign.js';

const WARM_UP = 20_000;
/** Of the 43 characters of a token's secret part. */
const SECRET_LENGTH = 43;
/** What a comparison that stops at the first wrong byte would be far beyond: a part of the whole check. */
const LARGEST_DIFFERENCE = 0.05;
/** With fewer the medians say little. */
const FEWEST = 50_000;

/** A token that is wrong at its first character takes as long to refuse as one that is wrong at its last. */
export const campaign: Campaign = {
  name: 'token-timing',
  threat: 'brute force, timing on tokens',
  target: 2_000_000,
  unit: 'timed comparisons of wrong tokens',
  slice: 1_000_000,
  run,
};

async function run({ seed, count, signal }: Slice): Promise<SliceOutcome> {
  const { keeper, token } = await startProxyBefore('http://127.0.0.1:1');
  const { clients } = keeper.current();
  // The public id is left as it is: what differs is compared in secret.
  const wrongAt = (index: number): string =>
    token.slice(0, index) + (token[index] === 'A' ? 'B' : 'A') + token.slice(index + 1);
  const early = wrongAt(token.length - SECRET_LENGTH);
  const late = wrongAt(token.length - 1);
  const findings: string[] = [];
  if (clients.verify(token, '') === undefined) findings.push('the token itself is refused');
  const random = seededRandom(seed);
  for (let i = 0; i < WARM_UP; i++) clients.verify(i % 2 === 0 ? early : late, '');
  const took: Record<'early' | 'late', number[]> = { early: [], late: [] };
  let done = 0;
  // In an order by chance, so that what slows the machine for a while slows both.
  while (done < count && signal?.aborted !== true) {
    const which = random() < 0.5 ? 'early' : 'late';
    const guess = which === 'early' ? early : late;
    const startedAt = process.hrtime.bigint();
    const found = clients.verify(guess, '');
    took[which].push(Number(process.hrtime.bigint() - startedAt));
    if (found !== undefined) findings.push('a wrong token is taken');
    done++;
  }
  const [earlyNs, lateNs] = [median(took.early), median(took.late)];
  const difference = Math.abs(earlyNs - lateNs) / Math.max(earlyNs, lateNs);
  const note = `medians ${earlyNs} and ${lateNs} ns`;
  if (done >= FEWEST && !(difference < LARGEST_DIFFERENCE)) findings.push(`${note} differ`);
  return { done, findings, note };
}

function median(all: readonly number[]): number {
  const sorted = Float64Array.from(all).sort();
  return sorted[sorted.length >> 1] ?? Number.NaN;
}
