import { expect, test } from 'vitest';
import { createMetrics } from '../../src/telemetry/index.js';

const gauges = {
  inFlight: () => 3,
  snapshotSeq: () => 7,
  routesRevision: () => 2,
  ready: () => true,
};

test('durations fall into the bucket whose bound they do not pass', async () => {
  const metrics = createMetrics(gauges);
  const stats = metrics.statsFor('api', 'production');
  for (const durationMs of [1, 5, 5.1, 59_999, 60_001]) stats.record(200, undefined, durationMs);
  const { text, contentType } = await metrics.text();
  expect(contentType).toMatch(/^text\/plain/);
  const bucket = (le: string) =>
    text.match(
      new RegExp(
        `keyferry_request_duration_seconds_bucket\\{le="${le.replace('+', '\\+')}",[^}]*\\} (\\d+)`,
      ),
    )?.[1];
  expect(['0.005', '0.01', '30', '60', '+Inf'].map(bucket)).toEqual(['2', '3', '3', '4', '5']);
  expect(text).toContain(
    'keyferry_request_duration_seconds_count{route="api",environment="production"} 5',
  );
});

test('scraping twice tells the same counts, and labels are escaped', async () => {
  const metrics = createMetrics(gauges);
  const stats = metrics.statsFor('a"b\\c', 'production');
  expect(metrics.statsFor('a"b\\c', 'production')).toBe(stats);
  stats.record(502, 'upstream_unreachable', 1);
  stats.record(200, undefined, 1);
  stats.record(200, undefined, 1);
  const counts = async () =>
    (await metrics.text()).text
      .split('\n')
      .filter((line) => line.startsWith('keyferry_requests_total{'));
  const first = await counts();
  expect(first.sort()).toEqual([
    'keyferry_requests_total{route="a\\"b\\\\c",environment="production",status="200",code=""} 2',
    'keyferry_requests_total{route="a\\"b\\\\c",environment="production",status="502",code="upstream_unreachable"} 1',
  ]);
  expect((await counts()).sort()).toEqual(first);
  const { text } = await metrics.text();
  for (const line of [
    'keyferry_requests_in_flight 3',
    'keyferry_snapshot_seq 7',
    'keyferry_routes_revision 2',
    'keyferry_ready 1',
  ]) {
    expect(text).toContain(line);
  }
});
