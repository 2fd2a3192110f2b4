import type { Campaign } from '../campaign.js';
import { serveBesideSlow } from '../serve-beside-slow.js';

/** 2,000 slow connections at once: other clients are served. */
export const campaign: Campaign = {
  name: 'slow-connections',
  threat: 'slow clients, huge headers, floods',
  target: 2_000,
  unit: 'slow connections at once, for a minute',
  slice: 2_000,
  run: (slice) => serveBesideSlow(slice, 60_000),
};
