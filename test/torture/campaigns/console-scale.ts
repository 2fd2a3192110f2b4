import type { Campaign } from '../campaign.js';
import { visitLargeConsole } from '../visit-large-console.js';

/** With 100,000 secrets and 1,000,000 audit rows every page of the console answers within 200 ms. */
export const campaign: Campaign = {
  name: 'console-scale',
  threat: 'process killed, disk full, database locked, clock jumps',
  target: 100_000,
  unit: 'secrets (and ten times as many audit rows), each page of the console within 200 ms',
  slice: 100_000,
  run: (slice) => visitLargeConsole(slice, { answerMs: 200, visits: 5 }),
};
