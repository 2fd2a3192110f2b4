const DAY_MS = 86_400_000;

/** A wall clock's time in a zone, as the instant that would show it in UTC: days and minutes can be added to it. */
export type WallTime = number;

const formats = new Map<string, Intl.DateTimeFormat>();

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
  // No two changes of a zone's offset are within a day of each other.
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
