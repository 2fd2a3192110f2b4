// Draws what a page says in data-chart. Without this the table below each chart has the same figures.
const count = new Intl.NumberFormat();
const short = new Intl.NumberFormat(undefined, { notation: 'compact' });
const hour = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const day = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric' });
const when = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
const INCREMENTS = [1, 2, 5]
  .flatMap((step) => [...Array(12)].map((_, power) => step * 10 ** power))
  .sort((a, b) => a - b);
const HEIGHT = 210;
const DAY_SECONDS = 86400;

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

// One on another: each series is drawn over those that it stands on.
function stack(series) {
  const sums = series.map(({ values }) => [...values]);
  for (let at = sums.length - 2; at >= 0; at--) {
    sums[at] = sums[at].map((value, index) => value + sums[at + 1][index]);
  }
  return sums;
}

function lineOf({ label, tone, values }, stacked) {
  const stroke = colour(`chart-${tone}`);
  const shown = {
    label,
    stroke,
    value: (_, __, ___, index) => (index === null ? '' : count.format(values[index])),
    points: { show: false },
  };
  if (stacked) {
    const paths = uPlot.paths.bars({ size: [0.9, 40, 2], align: 1 });
    return { ...shown, paths, fill: stroke, width: 0 };
  }
  return { ...shown, width: 2, dash: tone === 'refused' ? [5, 4] : undefined };
}

function draw(element) {
  const { sinceMs, bucketMs, stacked, series } = JSON.parse(element.dataset.chart);
  const times = series[0].values.map((_, index) => (sinceMs + index * bucketMs) / 1000);
  const end = times.at(-1) + bucketMs / 1000;
  const isLong = end - times[0] > 2 * DAY_SECONDS;
  const axis = {
    stroke: colour('quiet'),
    grid: { stroke: colour('rule'), width: 1 },
    ticks: { show: false },
    font: '12px system-ui',
  };
  return new uPlot(
    {
      width: element.parentElement.clientWidth,
      height: HEIGHT,
      scales: {
        x: { range: () => [times[0], end] },
        y: { range: (_, __, most) => [0, Math.max(1, most * 1.05)] },
      },
      axes: [
        {
          ...axis,
          size: 30,
          space: 70,
          values: (_, splits) => splits.map((at) => (isLong ? day : hour).format(at * 1000)),
        },
        {
          ...axis,
          incrs: INCREMENTS,
          size: 44,
          values: (_, splits) => splits.map((at) => short.format(at)),
        },
      ],
      series: [
        { label: 'From', value: (_, at) => (at === null ? '' : when.format(at * 1000)) },
        ...series.map((one) => lineOf(one, stacked)),
      ],
      cursor: { drag: { x: false, y: false }, points: { show: !stacked } },
    },
    [times, ...(stacked ? stack(series) : series.map(({ values }) => values))],
    element,
  );
}

const drawn = new Map();
function drawAll() {
  for (const element of document.querySelectorAll('[data-chart]')) {
    drawn.get(element)?.destroy();
    drawn.set(element, draw(element));
  }
}

// Colours are drawn, not styled: another scheme needs another drawing.
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAll);
addEventListener('resize', () => {
  for (const [element, chart] of drawn) {
    chart.setSize({ width: element.parentElement.clientWidth, height: HEIGHT });
  }
});
drawAll();
