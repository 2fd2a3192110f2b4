import { expect, test } from 'vitest';
import { seededRandom } from '../support/seeded-random.js';
import { startProxyBefore } from '../support/start-proxy.js';

const SAMPLES = 200_000;
const SEED = 3_0034;
/** What a comparison that stops at the first wrong byte would be far beyond: a part of the whole check. */
const LARGEST_DIFFERENCE = 0.05;

/** The middle one of a sorted list. */
function median(all: Float64Array): number {
  return all.sort()[all.length >> 1] ?? Number.NaN;
}

test.skipIf(process.env.KEYFERRY_TORTURE === undefined)(
  'a token that is wrong at its first character takes as long to refuse as one wrong at its last',
  async () => {
    const { keeper, token } = await startProxyBefore('http://127.0.0.1:1');
    const { clients } = keeper.current();
    // The public id is left as it is: what differs is compared in secret.
    const secretAt = token.length - 43;
    const wrongAt = (index: number): string => {
      const other = token[index] === 'A' ? 'B' : 'A';
      return token.slice(0, index) + other + token.slice(index + 1);
    };
    const guesses = [wrongAt(secretAt), wrongAt(token.length - 2)];
    expect(clients.verify(token, '')).toBeDefined();
    for (const guess of guesses) expect(clients.verify(guess, '')).toBeUndefined();
    const random = seededRandom(SEED);
    const took = guesses.map(() => new Float64Array(SAMPLES));
    const counts = guesses.map(() => 0);
    // In an order by chance, so that what slows the machine for a while slows both.
    for (let i = 0; i < 20_000; i++) clients.verify(guesses[i % 2] ?? '', '');
    while (counts.some((count) => count < SAMPLES)) {
      const which = random() < 0.5 ? 0 : 1;
      const count = counts[which] ?? 0;
      if (count === SAMPLES) continue;
      const guess = guesses[which] ?? '';
      const startedAt = process.hrtime.bigint();
      clients.verify(guess, '');
      const tookNs = Number(process.hrtime.bigint() - startedAt);
      const samples = took[which];
      if (samples !== undefined) samples[count] = tookNs;
      counts[which] = count + 1;
    }
    const [early = Number.NaN, late = Number.NaN] = took.map(median);
    console.log(JSON.stringify({ earlyNs: early, lateNs: late }));
    expect(Math.abs(early - late) / Math.max(early, late)).toBeLessThan(LARGEST_DIFFERENCE);
  },
  300_000,
);
