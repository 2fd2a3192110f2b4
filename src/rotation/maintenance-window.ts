import { type MaintenanceWindow, WEEKDAYS } from '../core/index.js';
import { instantOf, type WallTime, wallTimeAt } from './zoned-time.js';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** Clocks are set back by less. */
const MOST_LEAP_MS = 3 * 3_600_000;
/** A window of one weekday that a leap of the clocks takes away comes again a week later. */
const MOST_DAYS = 15;

/** A maintenance window in its zone. */
export interface PlacedWindow {
  readonly window: MaintenanceWindow;
  readonly timezone: string;
}

/** Whether the clocks of the zone show a time of the window. */
export function isInside({ window, timezone }: PlacedWindow, instantMs: number): boolean {
  return startDay(window, wallTimeAt(instantMs, timezone)) !== undefined;
}

/** When the window began that an instant is inside of; undefined where it is outside. */
export function windowStart({ window, timezone }: PlacedWindow, instantMs: number) {
  const day = startDay(window, wallTimeAt(instantMs, timezone));
  return day === undefined ? undefined : instantOf(day + minutesOf(window.from), timezone);
}

/** The first beginning of the window that is not before an instant. */
export function nextWindowStart(placed: PlacedWindow, instantMs: number): number {
  const { window, timezone } = placed;
  const wall = wallTimeAt(instantMs, timezone);
  const today = dayOf(wall);
  // Yesterday's too: the clocks of some zones have leapt over a midnight.
  for (let day = today - DAY_MS; day < today + MOST_DAYS * DAY_MS; day += DAY_MS) {
    const start = day + minutesOf(window.from);
    if (start < wall - MOST_LEAP_MS || !beginsOn(window, day)) continue;
    const startMs = instantOf(start, timezone);
    if (startMs >= instantMs && isInside(placed, startMs)) return startMs;
  }
  // Only where the clocks leap over it week after week: no zone does.
  return instantMs;
}

/** The instant itself where it is inside, else the next beginning. */
export function nextInside(placed: PlacedWindow, instantMs: number): number {
  return isInside(placed, instantMs) ? instantMs : nextWindowStart(placed, instantMs);
}

/** The day on which the window began that shows such a time; undefined outside of it. */
function startDay(window: MaintenanceWindow, wall: WallTime): WallTime | undefined {
  const today = dayOf(wall);
  const time = wall - today;
  const [from, until] = [minutesOf(window.from), minutesOf(window.until)];
  const isOvernight = until <= from;
  if (time >= from && (isOvernight || time < until) && beginsOn(window, today)) return today;
  const yesterday = today - DAY_MS;
  return isOvernight && time < until && beginsOn(window, yesterday) ? yesterday : undefined;
}

function beginsOn({ days }: MaintenanceWindow, day: WallTime): boolean {
  // 1 January 1970 was a Thursday.
  const weekday = WEEKDAYS[(((Math.floor(day / DAY_MS) + 3) % 7) + 7) % 7];
  return weekday !== undefined && days.includes(weekday);
}

function dayOf(wall: WallTime): WallTime {
  return Math.floor(wall / DAY_MS) * DAY_MS;
}

/** `HH:MM` in milliseconds since midnight. */
function minutesOf(time: string): number {
  const [hours = 0, minutes = 0] = time.split(':').map(Number);
  return (hours * 60 + minutes) * MINUTE_MS;
}
