const DAY_MS = 86_400_000;

/** A wall clock's time in a zone, as the instant that would show it in UTC: days and minutes can be added to it. */
export type WallTime = number;

/** Schedules ask for the same days of few zones again and again, and the format is slow. */
const MOST_DAYS = 5000;

const formats = new Map<string, Intl.DateTimeFormat>();
/** Offsets at the beginning of days of UTC, by zone. */
const offsets = new Map<string, Map<number, number>>();

/** Throws `RangeError` for a zone that is not known. */
function formatOf(timezone: string): Intl.DateTimeFormat {
  let format = formats.get(timezone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: timezone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    formats.set(timezone, format);
  }
  return format;
}

/** Whether it is the IANA name of a time zone. */
export function isTimezone(name: string): boolean {
  try {
    formatOf(name);
    return true;
  } catch {
    return false;
  }
}

/** What the clocks of the zone show at an instant, to the second. */
export function wallTimeAt(instantMs: number, timezone: string): WallTime {
  const day = Math.floor(instantMs / DAY_MS);
  const offset = offsetOfDay(day, timezone);
  // No two changes of a zone's offset are within a day of each other: the same at both ends is the same all day.
  if (offset !== offsetOfDay(day + 1, timezone)) return shownAt(instantMs, timezone);
  return Math.floor(instantMs / 1000) * 1000 + offset;
}

function offsetOfDay(day: number, timezone: string): number {
  let days = offsets.get(timezone);
  if (days === undefined) {
    days = new Map();
    offsets.set(timezone, days);
  }
  let offset = days.get(day);
  if (offset === undefined) {
    if (days.size >= MOST_DAYS) days.clear();
    offset = shownAt(day * DAY_MS, timezone) - day * DAY_MS;
    days.set(day, offset);
  }
  return offset;
}

function shownAt(instantMs: number, timezone: string): WallTime {
  const part = { year: 0, month: 0, day: 0, hour: 0, minute: 0, second: 0 };
  for (const { type, value } of formatOf(timezone).formatToParts(instantMs)) {
    if (type in part) part[type as keyof typeof part] = Number(value);
  }
  return Date.UTC(part.year, part.month - 1, part.day, part.hour, part.minute, part.second);
}

/**
 * When the clocks of the zone show a time: the first time, where they show it twice; where they leap over it, the
 * instant of the leap.
 */
export function instantOf(wall: WallTime, timezone: string): number {
  const offsetAt = (instantMs: number): number => wallTimeAt(instantMs, timezone) - instantMs;
  const before = offsetAt(wall - DAY_MS);
  const after = offsetAt(wall + DAY_MS);
  if (offsetAt(wall - before) === before) return wall - before;
  if (offsetAt(wall - after) === after) return wall - after;
  return leapBetween(wall - after, wall - before, before, offsetAt);
}

/** The instant, to the second, from which on the offset is no longer `before`. */
function leapBetween(
  fromMs: number,
  untilMs: number,
  before: number,
  offsetAt: (instantMs: number) => number,
): number {
  let [low, high] = [Math.floor(fromMs / 1000), Math.ceil(untilMs / 1000)];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (offsetAt(middle * 1000) === before) low = middle + 1;
    else high = middle;
  }
  return low * 1000;
}
