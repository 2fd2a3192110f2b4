import type { Campaign } from '../campaign.js';
import { killUnderWriters } from '../kill-under-writers.js';

/** Servers are killed under writers: nothing that was answered is lost, and the next is ready within 2 s. */
export const campaign: Campaign = {
  name: 'kills',
  threat: 'process killed, disk full, database locked, clock jumps',
  target: 1_000,
  unit: 'SIGKILLs under 4 writers',
  slice: 50,
  run: (slice) => killUnderWriters(slice, 2_000),
};
