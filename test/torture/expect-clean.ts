import { expect } from 'vitest';
import type { Campaign } from './campaign.js';

/** Runs the short part of a campaign: every unit is done, and nothing is found. */
export async function expectClean(campaign: Campaign, count: number, seed = 1): Promise<void> {
  const { done, findings } = await campaign.run({ seed, count });
  expect({ done, findings }).toEqual({ done: count, findings: [] });
}
