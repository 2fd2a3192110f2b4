import type { Plan, Trial } from '../core/index.js';

/**
 * The plan that a request of this client is sent by: `base`, or the `other` of one trial. `random` is uniform
 * from 0 to 1 (1 excluded). Each trial gets its share of the requests of the clients that it is for; what is drawn
 * for a later one is drawn among the requests that no earlier one has taken.
 */
export function chooseVersion(
  base: Plan,
  trials: readonly Trial[],
  clientId: string,
  random: number,
): Plan {
  let left = 1;
  let draw = random;
  for (const { cutoverId, share, clients, stickyClients, other } of trials) {
    if (share === 0 || other.failure !== undefined) continue;
    if (clients !== undefined && !clients.has(clientId)) continue;
    if (stickyClients) {
      if (stickyPosition(cutoverId, clientId) * left < share) return other;
    } else {
      const at = draw * left;
      if (at < share) return other;
      draw = (at - share) / (left - share);
    }
    left -= share;
  }
  return base;
}

/**
 * The version to send a request with that was refused with another; undefined when there is none. `now` is the plan
 * of the newest snapshot: the current version, if it is not the refused one; else the other side of the cutover that
 * it was sent for, or of the newest.
 */
export function otherVersion(now: Plan, refused: Plan): Plan | undefined {
  if (!haveSameVersions(now, refused)) return now;
  const { trials = [] } = now;
  const own = refused.trialOf?.cutoverId;
  return (trials.find(({ cutoverId }) => cutoverId === own) ?? trials[0])?.other;
}

/** Whether what a plan places may still be sent: `now` is the plan of the newest snapshot. */
export function isLive(now: Plan, plan: Plan): boolean {
  if (haveSameVersions(now, plan)) return true;
  return now.trials?.some(({ other }) => haveSameVersions(other, plan)) ?? false;
}

function haveSameVersions({ uses }: Plan, other: Plan): boolean {
  return (
    uses.length === other.uses.length &&
    uses.every(({ secretId, version }, i) => {
      const use = other.uses[i];
      return use?.secretId === secretId && use.version === version;
    })
  );
}

/** 0 to 1, the same for ever: FNV-1a, its bits mixed as MurmurHash3 does at its end. */
function stickyPosition(cutoverId: string, clientId: string): number {
  let hash = addText(addText(0x811c9dc5, cutoverId), clientId);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 0x1_0000_0000;
}

function addText(hash: number, text: string): number {
  let mixed = hash;
  for (let i = 0; i < text.length; i++) {
    mixed = Math.imul(mixed ^ text.charCodeAt(i), 0x01000193);
  }
  return mixed;
}
