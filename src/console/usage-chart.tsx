import type { FC } from 'hono/jsx';
import { Moment } from './moment.js';

/** What a colour stands for: `assets/charts.css` has one for each. */
export type ChartTone =
  | 'accepted'
  | 'refused'
  | 'failed'
  | 'not-sent'
  | `version-${1 | 2 | 3 | 4 | 5 | 6}`;

export interface ChartSeries {
  readonly label: string;
  readonly tone: ChartTone;
  /** One for each bucket. */
  readonly values: readonly number[];
}

export interface Chart {
  readonly sinceMs: number;
  readonly bucketMs: number;
  /** Bars one on another, the first series on top; otherwise a line for each. */
  readonly stacked: boolean;
  readonly series: readonly ChartSeries[];
}

/** A chart that `assets/charts.js` draws, and the same figures as a table, with rows of `rowMs`. */
export const UsageChart: FC<{
  readonly chart: Chart;
  /** What it shows, for who does not see it. */
  readonly says: string;
  readonly rowMs: number;
}> = ({ chart, says, rowMs }) => (
  <figure class="chart">
    <div class="plot" role="img" aria-label={says} data-chart={JSON.stringify(chart)} />
    <details>
      <summary>The same as a table</summary>
      <div class="scrolls" tabindex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col">From</th>
              {chart.series.map(({ label }) => (
                <th scope="col" class="number">
                  {label}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rowsOf(chart, rowMs).map(({ atMs, sums }) => (
              <tr>
                <th scope="row">
                  <Moment at={new Date(atMs).toISOString()} />
                </th>
                {sums.map((sum) => (
                  <td class="number">{sum.toLocaleString('en')}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  </figure>
);

/** The newest first; where nothing happened there is none. */
function rowsOf({ sinceMs, bucketMs, series }: Chart, rowMs: number) {
  const rows = new Map<number, number[]>();
  for (const [at, { values }] of series.entries()) {
    for (const [index, value] of values.entries()) {
      if (value === 0) continue;
      const bucketAtMs = sinceMs + index * bucketMs;
      const atMs = bucketAtMs - (bucketAtMs % rowMs);
      const sums = rows.get(atMs) ?? series.map(() => 0);
      sums[at] = (sums[at] ?? 0) + value;
      rows.set(atMs, sums);
    }
  }
  return [...rows].sort(([a], [b]) => b - a).map(([atMs, sums]) => ({ atMs, sums }));
}
