import type { Campaign } from '../campaign.js';
import { serveLargeStore } from '../serve-large-store.js';

/** A server of 100,000 secrets and 10,000 routes is ready within 3 s. */
export const campaign: Campaign = {
  name: 'large-server',
  threat: 'process killed, disk full, database locked, clock jumps',
  target: 100_000,
  unit: 'secrets served, ready within 3 s',
  slice: 100_000,
  run: (slice) => serveLargeStore(slice, 3_000),
};
