import type { UsageHistoryAnswer, UsagePointAnswer, UsageSeriesAnswer } from '../core/index.js';
import type { Api } from './api.js';
import type { Chart, ChartSeries, ChartTone } from './usage-chart.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** What a chart reaches over, in which buckets, and in which rows its table tells the same. */
export const CHART_SPANS = {
  '24h': { text: '24 hours', ms: DAY_MS, bucket: '5m', rowMs: HOUR_MS },
  '7d': { text: '7 days', ms: 7 * DAY_MS, bucket: '1h', rowMs: DAY_MS },
  '30d': { text: '30 days', ms: 30 * DAY_MS, bucket: '6h', rowMs: DAY_MS },
} as const;
export type ChartSpan = keyof typeof CHART_SPANS;

/** The one that a query names; a day where it names none. */
export function chartSpan(name: string | undefined): ChartSpan {
  return name !== undefined && Object.hasOwn(CHART_SPANS, name) ? (name as ChartSpan) : '24h';
}

export function readUse(
  api: Api,
  span: ChartSpan,
  of: { readonly secret?: string; readonly environment?: string | undefined },
): Promise<UsageHistoryAnswer> {
  const { ms, bucket } = CHART_SPANS[span];
  const since = new Date(Date.now() - ms).toISOString();
  return api.get<UsageHistoryAnswer>('/v1/usage/history', { ...of, since, bucket });
}

const OUTCOMES: readonly (readonly [
  field: keyof Omit<UsagePointAnswer, 'at'>,
  label: string,
  tone: ChartTone,
])[] = [
  ['accepted', 'Accepted', 'accepted'],
  ['notSent', 'Not sent', 'not-sent'],
  ['failed', 'Failed', 'failed'],
  ['refused', 'Refused', 'refused'],
];

/** All requests by what came of them; undefined where there were none. */
export function chartOutcomes(history: UsageHistoryAnswer): Chart | undefined {
  const series = OUTCOMES.map(([field, label, tone]) => ({
    label,
    tone,
    values: fill(history, history.series, (point) => point[field]),
  })).filter(hasAny);
  return series.length === 0 ? undefined : { ...frameOf(history), stacked: true, series };
}

const VERSION_TONES = [1, 2, 3, 4, 5, 6] as const;

/** The use of the newest versions, and beside it what was refused of it; undefined where there was none. */
export function chartVersions(history: UsageHistoryAnswer, environment: string): Chart | undefined {
  const series = history.series
    .filter((one) => one.environment === environment && one.version !== null)
    .toSorted((a, b) => (b.version ?? 0) - (a.version ?? 0))
    .slice(0, VERSION_TONES.length)
    .flatMap((one, index): ChartSeries[] => [
      {
        label: `v${one.version}`,
        tone: `version-${VERSION_TONES[index] ?? 6}`,
        values: fill(
          history,
          [one],
          ({ accepted, refused, failed }) => accepted + refused + failed,
        ),
      },
      {
        label: `v${one.version} refused`,
        tone: 'refused',
        values: fill(history, [one], ({ refused }) => refused),
      },
    ])
    .filter(hasAny);
  return series.length === 0 ? undefined : { ...frameOf(history), stacked: false, series };
}

/** How many in all, in words: `1,204 accepted, 3 refused`. */
export function describeChart({ series }: Chart): string {
  return series
    .map(({ label, values }) => {
      const total = values.reduce((sum, value) => sum + value, 0);
      return `${total.toLocaleString('en')} ${label.toLowerCase()}`;
    })
    .join(', ');
}

function frameOf({ since, bucketSeconds }: UsageHistoryAnswer) {
  return { sinceMs: Date.parse(since), bucketMs: bucketSeconds * 1000 };
}

/** One number for each bucket, also where nothing happened. */
function fill(
  history: UsageHistoryAnswer,
  series: readonly UsageSeriesAnswer[],
  read: (point: UsagePointAnswer) => number,
): number[] {
  const { sinceMs, bucketMs } = frameOf(history);
  const buckets = Math.ceil((Date.parse(history.until) - sinceMs) / bucketMs);
  const values = new Array<number>(buckets).fill(0);
  for (const { points } of series) {
    for (const point of points) {
      const index = (Date.parse(point.at) - sinceMs) / bucketMs;
      values[index] = (values[index] ?? 0) + read(point);
    }
  }
  return values;
}

function hasAny({ values }: ChartSeries): boolean {
  return values.some((value) => value > 0);
}
