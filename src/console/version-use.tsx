import type { FC } from 'hono/jsx';
import type { UsageHistoryAnswer } from '../core/index.js';
import { UsageChart } from './usage-chart.js';
import { CHART_SPANS, type ChartSpan, chartVersions, describeChart } from './use-over-time.js';

/** How an environment's versions were used over time: one after another, and beside each other during a cutover. */
export const VersionUse: FC<{
  readonly history: UsageHistoryAnswer;
  readonly span: ChartSpan;
  readonly environment: string;
}> = ({ history, span, environment }) => {
  const chart = chartVersions(history, environment);
  return (
    <>
      <h3>
        Requests in the last{' '}
        {Object.entries(CHART_SPANS).map(([name, { text }], index) => (
          <>
            {index > 0 && ' · '}
            {name === span ? text : <a href={`?span=${name}#${environment}`}>{text}</a>}
          </>
        ))}
      </h3>
      {chart === undefined ? (
        <p class="quiet small">None.</p>
      ) : (
        <UsageChart
          chart={chart}
          rowMs={CHART_SPANS[span].rowMs}
          says={`Requests with each version: ${describeChart(chart)}`}
        />
      )}
    </>
  );
};
