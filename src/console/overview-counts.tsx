import type { FC } from 'hono/jsx';
import type {
  AlertCountsAnswer,
  AlertKind,
  CutoverAnswer,
  PageAnswer,
  RotationAnswer,
  SecretAgesAnswer,
} from '../core/index.js';

/** What ended otherwise than it should, or waits for a person in the middle. */
const FAILED: readonly AlertKind[] = [
  'cutover_rolled_back',
  'rotation_failed',
  'rotation_rolled_back',
  'rotation_needs_attention',
];

export interface OverviewCountsProps {
  readonly alerts: AlertCountsAnswer;
  readonly ages: SecretAgesAnswer;
  readonly cutovers: PageAnswer<CutoverAnswer>;
  /** Those that are due soon. */
  readonly rotations: PageAnswer<RotationAnswer>;
}

/** How much there is to do, each a way to it. */
export const OverviewCounts: FC<OverviewCountsProps> = ({ alerts, ages, cutovers, rotations }) => {
  const failed = alerts.items.filter(({ kind }) => FAILED.includes(kind));
  const urgent = alerts.items.filter(({ urgency }) => urgency === 'urgent');
  return (
    <ul class="counts">
      <Count
        href="/alerts"
        count={alerts.total}
        isBad
        text={`${alerts.total === 1 ? 'open alert' : 'open alerts'}${urgent.length === 0 ? '' : `, ${sum(urgent)} urgent`}`}
      />
      {ages.countedAt !== null && (
        <Count href="/secrets?old=true" count={overdueOf(ages)} isBad text="values overdue" />
      )}
      <Count href="/alerts" count={sum(failed)} isBad text="failed or rolled back, not looked at" />
      <Count
        href="/cutovers"
        count={lengthOf(cutovers)}
        text={lengthOf(cutovers) === 1 ? 'cutover under way' : 'cutovers under way'}
      />
      <Count
        href="/rotations"
        count={lengthOf(rotations)}
        text={lengthOf(rotations) === 1 ? 'rotation due in 30 days' : 'rotations due in 30 days'}
      />
    </ul>
  );
};

const Count: FC<{
  readonly href: string;
  readonly count: number | string;
  /** Whether any at all is bad. */
  readonly isBad?: boolean;
  readonly text: string;
}> = ({ href, count, isBad = false, text }) => (
  <li>
    <a href={href}>
      <span class={isBad && count !== 0 ? 'figure bad' : 'figure'}>
        {typeof count === 'number' ? count.toLocaleString('en') : count}
      </span>{' '}
      {text}
    </a>
  </li>
);

function sum(items: AlertCountsAnswer['items']): number {
  return items.reduce((total, { count }) => total + count, 0);
}

function overdueOf({ environments }: SecretAgesAnswer): number {
  return environments
    .flatMap(({ bands }) => bands)
    .reduce((total, { overdue }) => total + overdue, 0);
}

/** `10+` where the list goes on. */
function lengthOf({ items, nextCursor }: PageAnswer<unknown>): number | string {
  return nextCursor === null ? items.length : `${items.length}+`;
}
