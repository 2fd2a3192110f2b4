import type { FC } from 'hono/jsx';

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
] as const;

/** `5 min`, `3 h`, `12 d`; below a minute `now`. */
function describeSpan(ms: number): string {
  const found = UNITS.find(([, unitMs]) => ms >= unitMs);
  return found === undefined ? 'now' : `${Math.floor(ms / found[1])} ${found[0]}`;
}

/** To the nearest minute or day, as the command line says it: what is 90 days away is `90 d`, not 89. */
function describeWait(ms: number): string {
  const unitMs = ms < 2 * 86_400_000 ? 60_000 : 86_400_000;
  return describeSpan(Math.round(ms / unitMs) * unitMs);
}

/** `2 d`, `1 h 30 min`: a length of time that somebody has set. */
export function describeMinutes(minutes: number): string {
  const parts = [
    [Math.floor(minutes / 1440), 'd'],
    [Math.floor((minutes % 1440) / 60), 'h'],
    [minutes % 60, 'min'],
  ] as const;
  const said = parts.filter(([count]) => count > 0).map(([count, unit]) => `${count} ${unit}`);
  return said.length === 0 ? '0 min' : said.join(' ');
}

/** A point in time as the viewer's own clock shows it; UTC without scripts. */
export const Moment: FC<{ readonly at: string | null; readonly never?: string }> = ({
  at,
  never = 'never',
}) =>
  at === null ? (
    <span class="quiet">{never}</span>
  ) : (
    <time datetime={at} data-local="moment">
      {`${at.slice(0, 16).replace('T', ' ')} UTC`}
    </time>
  );

/** How long ago, or in how long; the point in time itself is its title. */
export const Distance: FC<{
  readonly at: string | null;
  readonly nowMs: number;
  readonly never?: string;
  /** In place of how long ago. */
  readonly past?: string;
}> = ({ at, nowMs, never = 'never', past }) => {
  if (at === null) return <span class="quiet">{never}</span>;
  const ms = Date.parse(at) - nowMs;
  const span = ms > 0 ? describeWait(ms) : describeSpan(-ms);
  return (
    <time datetime={at} data-local="title" title={`${at.slice(0, 16).replace('T', ' ')} UTC`}>
      {ms > 0 && span !== 'now'
        ? `in ${span}`
        : (past ?? (span === 'now' ? 'just now' : `${span} ago`))}
    </time>
  );
};
