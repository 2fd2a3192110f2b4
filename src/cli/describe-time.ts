import { CommandFailure } from './command-failure.js';

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** A length of time in its largest fitting unit: `now`, `5 min`, `3 h`, `12 d`. */
export function describeDuration(durationMs: number): string {
  if (durationMs < MINUTE_MS) return 'now';
  if (durationMs < HOUR_MS) return `${Math.floor(durationMs / MINUTE_MS)} min`;
  if (durationMs < 2 * DAY_MS) return `${Math.floor(durationMs / HOUR_MS)} h`;
  return `${Math.floor(durationMs / DAY_MS)} d`;
}

/** How long ago an RFC 3339 time was; `never` for null. */
export function describeAgo(time: string | null, nowMs: number): string {
  if (time === null) return 'never';
  const text = describeDuration(nowMs - Date.parse(time));
  return text === 'now' ? text : `${text} ago`;
}

/** When a moment comes, to the nearest day: `in 12 d`, `today`, `3 d ago`. */
export function describeUntil(atMs: number, nowMs: number): string {
  const days = Math.round((atMs - nowMs) / DAY_MS);
  if (days === 0) return 'today';
  return days > 0 ? `in ${days} d` : `${-days} d ago`;
}

/** An RFC 3339 time to the minute, in UTC: `2026-11-21 09:30Z`; `–` for null. */
export function describeMoment(time: string | null): string {
  if (time === null) return '–';
  return `${new Date(time).toISOString().slice(0, 16).replace('T', ' ')}Z`;
}

const UNITS_MS: Readonly<Record<string, number>> = {
  s: SECOND_MS,
  m: MINUTE_MS,
  h: HOUR_MS,
  d: DAY_MS,
};

/**
 * Reads a moment given on the command line: an RFC 3339 time, a date, or a length of time from now
 * (`90d`, `12h`), which counts forward for `future` and back for `past`. Gives RFC 3339 UTC.
 */
export function parseMoment(
  text: string,
  option: string,
  direction: 'future' | 'past',
  nowMs: number,
): string {
  const length = /^([0-9]{1,6})([smhd])$/.exec(text);
  if (length !== null) {
    const distanceMs = Number(length[1]) * (UNITS_MS[length[2] ?? ''] ?? 0);
    return new Date(direction === 'future' ? nowMs + distanceMs : nowMs - distanceMs).toISOString();
  }
  const parsed = /^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T|$)/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(parsed)) {
    throw new CommandFailure(
      `${option} takes a length of time such as 90d or 12h, or a time such as 2027-01-31T00:00:00Z`,
    );
  }
  if (direction === 'future' && parsed <= nowMs) {
    throw new CommandFailure(
      `${option} must be in the future; it is ${describeMoment(new Date(nowMs).toISOString())} now`,
    );
  }
  return new Date(parsed).toISOString();
}
