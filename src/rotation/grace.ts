import type { RunFacts } from './run-situation.js';

const MINUTE_MS = 60_000;
/** A request that has just begun with a token comes to its end before that expires. */
const BEFORE_EXPIRY_MS = 10_000;

/**
 * How long both versions stay live, in whole minutes. Where values expire by themselves, not longer than the old one
 * lives, nor longer than a quarter of the new one's life: the next run begins after this one has ended.
 */
export function graceMinutes(
  {
    rotation,
    traits,
    oldVersion,
    newVersion,
  }: Pick<RunFacts, 'rotation' | 'traits' | 'oldVersion' | 'newVersion'>,
  fromMs: number,
): number {
  const minutes = rotation.gracePeriodMinutes;
  if (traits.aheadMs === undefined) return minutes;
  const newLifeMs = (newVersion?.expiresAtMs ?? Number.POSITIVE_INFINITY) - fromMs;
  const oldEndsAtMs = oldVersion?.expiresAtMs ?? fromMs + traits.aheadMs;
  const mostMs = Math.max(0, Math.min(oldEndsAtMs - fromMs, newLifeMs / 4));
  return Math.min(minutes, Math.floor(mostMs / MINUTE_MS));
}

/**
 * When the new version goes live without a word of traffic, because the old one expires: undefined where it does not.
 * Half of the time that was left when the new one was made is for its cutover.
 */
export function goesLiveAtMs({
  traits,
  oldVersion,
  newVersion,
}: Pick<RunFacts, 'traits' | 'oldVersion' | 'newVersion'>): number | undefined {
  if (traits.aheadMs === undefined || newVersion === undefined) return undefined;
  const madeAtMs = newVersion.createdAtMs;
  const oldEndsAtMs = oldVersion?.expiresAtMs ?? madeAtMs + traits.aheadMs;
  return Math.min((madeAtMs + oldEndsAtMs) / 2, oldEndsAtMs - BEFORE_EXPIRY_MS);
}
