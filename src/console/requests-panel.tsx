import type { FC } from 'hono/jsx';
import type { UsageHistoryAnswer } from '../core/index.js';
import { UsageChart } from './usage-chart.js';
import { CHART_SPANS, type ChartSpan, chartOutcomes, describeChart } from './use-over-time.js';

/** Requests and what came of them, over a time and in environments that are chosen. */
export const RequestsPanel: FC<{
  readonly history: UsageHistoryAnswer;
  readonly span: ChartSpan;
  readonly environment: string | undefined;
  readonly environments: readonly string[];
}> = ({ history, span, environment, environments }) => {
  const chart = chartOutcomes(history);
  const { text, rowMs } = CHART_SPANS[span];
  return (
    <section class="panel" aria-labelledby="requests">
      <header>
        <h2 id="requests">Requests and refusals</h2>
        <form method="get" action="/#requests" class="row">
          <select name="span" aria-label="Time" data-submits>
            {Object.entries(CHART_SPANS).map(([name, one]) => (
              <option value={name} selected={name === span}>
                {`last ${one.text}`}
              </option>
            ))}
          </select>
          <select name="environment" aria-label="Environment" data-submits>
            <option value="">all environments</option>
            {environments.map((name) => (
              <option value={name} selected={name === environment}>
                {name}
              </option>
            ))}
          </select>
          <noscript>
            <button type="submit" class="secondary">
              Show
            </button>
          </noscript>
        </form>
      </header>
      {chart === undefined ? (
        <p class="quiet">
          No request in the last {text}. An app sends its requests to the proxy with the token of a{' '}
          <a href="/clients">client</a>.
        </p>
      ) : (
        <>
          <UsageChart
            chart={chart}
            rowMs={rowMs}
            says={`Requests in the last ${text}: ${describeChart(chart)}`}
          />
          <p class="small quiet">
            {describeChart(chart)}. Refused: the upstream did not take the credential. Not sent:
            Keyferry answered by itself.
          </p>
        </>
      )}
    </section>
  );
};
