/** Contract: nothing is pulled away so soon after its last use. */
export const QUIET_MS = 48 * 3_600_000;

export const REVOKE_REASONS = [
  'current',
  'cutover',
  'pinned',
  'recently_used',
  'never_used',
  'unused',
] as const;

/** The first four say why a version is kept, the last two why it can go. */
export type RevokeReasonCode = (typeof REVOKE_REASONS)[number];

export interface RevokeReason {
  readonly code: RevokeReasonCode;
  /** A part of a sentence about the version, for a person. */
  readonly message: string;
}

/** Whether a version can be revoked or destroyed now without pulling it from under a request, and why. */
export interface RevokeSafety {
  readonly safe: boolean;
  readonly reasons: readonly RevokeReason[];
  /** From when on it is safe, if nothing changes; null while something must be changed for it. */
  readonly safeFromMs: number | null;
}

export interface VersionSafety extends RevokeSafety {
  readonly environment: string;
  readonly version: number;
}

/** What is known of the newest use of a version or secret. */
export interface LastUse {
  /** Who was counted last; undefined when nobody was. */
  readonly by:
    | { readonly route: string; readonly client: string; readonly atMs: number }
    | undefined;
  /** Later than `by` where a server stopped before it had written what it counted; null for never. */
  readonly atMs: number | null;
}

export interface RevokeFacts {
  readonly isCurrent: boolean;
  /** The cutover under way that it is a part of, in words. */
  readonly cutover: string | undefined;
  /** Routes that name this version. */
  readonly pinnedBy: readonly string[];
  readonly lastUse: LastUse;
}

/** Judges whether a version may go at `nowMs`. */
export function judgeRevoke(facts: RevokeFacts, nowMs: number): RevokeSafety {
  const { isCurrent, cutover, pinnedBy, lastUse } = facts;
  const standing: RevokeReason[] = [];
  if (isCurrent) {
    standing.push({ code: 'current', message: 'it is current (activate another version first)' });
  }
  if (cutover !== undefined) standing.push({ code: 'cutover', message: cutover });
  if (pinnedBy.length > 0) {
    const message = `${routesThatName(pinnedBy)} it (apply routes without that pin)`;
    standing.push({ code: 'pinned', message });
  }
  const quietFromMs = lastUse.atMs === null ? null : lastUse.atMs + QUIET_MS;
  const safeFromMs = standing.length > 0 ? null : (quietFromMs ?? nowMs);
  const recent = recentUse(lastUse, nowMs);
  if (recent !== undefined) standing.push({ code: 'recently_used', message: `it ${recent}` });
  if (standing.length > 0) return { safe: false, reasons: standing, safeFromMs };
  const reason: RevokeReason =
    lastUse.atMs === null
      ? { code: 'never_used', message: 'it was never used' }
      : { code: 'unused', message: `it has not been used since ${at(lastUse.atMs)}` };
  return { safe: true, reasons: [reason], safeFromMs };
}

/** Says who used something within the 48 hours before `nowMs`; undefined when nobody did. */
export function recentUse({ atMs, by }: LastUse, nowMs: number): string | undefined {
  if (atMs === null || nowMs - atMs >= QUIET_MS) return undefined;
  const free = `less than 48 hours ago (until ${at(atMs + QUIET_MS)})`;
  const who = by === undefined ? '' : ` by route "${by.route}" for client "${by.client}"`;
  if (by !== undefined && by.atMs >= atMs) return `was last used at ${at(atMs)}${who}, ${free}`;
  const counted = by === undefined ? '' : `; counted last at ${at(by.atMs)}${who}`;
  return `may have been used until ${at(atMs)}, when a server ended without a clean stop, ${free}${counted}`;
}

/** `route "pay" names`, `routes "a", "b" name`. */
export function routesThatName(routes: readonly string[]): string {
  const shown = routes.slice(0, 5).map((route) => `"${route}"`);
  const rest = routes.length - shown.length;
  const more = rest > 0 ? ` and ${rest} more` : '';
  return routes.length === 1
    ? `route ${shown.join('')} names`
    : `routes ${shown.join(', ')}${more} name`;
}

function at(ms: number): string {
  return new Date(ms).toISOString();
}
