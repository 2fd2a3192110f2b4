import { Option } from 'commander';
import type { UsageHistoryAnswer, UsageSeriesAnswer } from '../core/index.js';
import { addCommand, type Registry, type Session } from './command.js';
import { describeMoment, parseMoment } from './describe-time.js';

const DAY_MS = 86_400_000;

interface UsageOptions {
  readonly secret?: string;
  readonly environment?: string;
  readonly since: string;
}

/** `keyferry usage`: requests and refusals over time. */
export function addUsage(registry: Registry): void {
  addCommand<UsageOptions>(registry, {
    usage: 'usage',
    summary: 'requests over time and what came of them, or those with a secret, by version',
    example: 'usage --secret stripe_api_key --since 7d',
    notes: [
      'Counts of an hour are kept for 31 days. REFUSED: the upstream did not take the credential. NOT SENT: Keyferry answered by itself.',
    ],
    options: [
      new Option('--secret <name>', 'only requests with this secret, by version'),
      new Option('-e, --environment <name>', 'only this environment'),
      new Option('--since <when>', 'not before: 7d, 12h, or 2026-11-01T00:00:00Z').default('24h'),
    ],
    act: showUsage,
  });
}

async function showUsage(
  { api, json, terminal, nowMs }: Session,
  { secret, environment, since }: UsageOptions,
): Promise<void> {
  const from = parseMoment(since, '--since', 'past', nowMs);
  const isLong = nowMs - Date.parse(from) > 2 * DAY_MS;
  const answer = await api().get<UsageHistoryAnswer>('/v1/usage/history', {
    secret,
    environment,
    since: from,
    bucket: isLong ? '1d' : '1h',
  });
  if (json) return terminal.json(answer);
  const rows = answer.series.flatMap((one) => rowsOf(one, secret !== undefined));
  if (rows.length === 0) return terminal.print('No requests.');
  terminal.table(
    [
      { title: 'FROM' },
      { title: 'ENVIRONMENT' },
      ...(secret === undefined ? [] : [{ title: 'VERSION' }]),
      ...['ACCEPTED', 'REFUSED', 'FAILED'].map((title) => ({ title, align: 'right' as const })),
      ...(secret === undefined ? [{ title: 'NOT SENT', align: 'right' as const }] : []),
    ],
    rows.sort((a, b) => (a.join() < b.join() ? -1 : 1)),
  );
}

function rowsOf({ environment, version, points }: UsageSeriesAnswer, isOfSecret: boolean) {
  return points.map(({ at, accepted, refused, failed, notSent }) => [
    describeMoment(at),
    environment ?? '–',
    ...(isOfSecret ? [`v${version}`] : []),
    ...[accepted, refused, failed].map(String),
    ...(isOfSecret ? [] : [String(notSent)]),
  ]);
}
