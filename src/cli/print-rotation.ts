import {
  type CheckAnswer,
  isRunEnded,
  type RotationAnswer,
  type RotationDetail,
  type RotationOfSecret,
  type RotationStatus,
  type RunAnswer,
  type RunWithEvents,
  WEEKDAYS,
} from '../core/index.js';
import { describeAgo, describeDuration, describeMoment } from './describe-time.js';
import { placeWords } from './rotation-words.js';
import type { Terminal } from './terminal.js';

const MARKS: Readonly<Record<RotationStatus, string>> = {
  ok: '✓ ok',
  running: '▸ running',
  failed: '✗ failed',
  overdue: '⚠ overdue',
  paused: '– paused',
};
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** The table of rotations, by secret and environment as the server gives them. */
export function printRotations(
  terminal: Terminal,
  rotations: readonly RotationAnswer[],
  nowMs: number,
): void {
  terminal.table(
    [
      { title: 'SECRET', shrinks: true },
      { title: 'ENVIRONMENT', shrinks: true },
      { title: 'PROVIDER' },
      { title: 'STATE' },
      { title: 'NEXT RUN', align: 'right' },
      { title: 'LAST RUN', align: 'right' },
      { title: 'OUTCOME', shrinks: true },
    ],
    rotations.map((rotation) => [
      rotation.secret,
      rotation.environment,
      rotation.provider,
      MARKS[rotation.status],
      describeNext(rotation.nextRunAt, nowMs),
      rotation.run === null
        ? 'never'
        : describeAgo(rotation.run.endedAt ?? rotation.run.startedAt, nowMs),
      rotation.run === null ? '–' : describeOutcome(rotation.run),
    ]),
    (cell, column) => (column === 3 ? colourOf(cell, terminal) : cell),
  );
}

/** When it comes, to the nearest minute or day: `in 4 h`, `in 30 d`. */
export function describeNext(nextRunAt: string | null, nowMs: number): string {
  if (nextRunAt === null) return '–';
  const waitMs = Date.parse(nextRunAt) - nowMs;
  const unitMs = Math.abs(waitMs) < 2 * DAY_MS ? MINUTE_MS : DAY_MS;
  const distance = describeDuration(Math.round(Math.abs(waitMs) / unitMs) * unitMs);
  if (distance === 'now') return 'now';
  return waitMs > 0 ? `in ${distance}` : `${distance} ago`;
}

/** What goes on, or what comes next: `run in GRACE`, `next run in 12 d`. */
export function describeRotation(
  { state, nextRunAt, run, status }: RotationOfSecret,
  nowMs: number,
): string {
  const open = run !== null && !isRunEnded(run.state);
  const paused = state === 'paused' ? ', paused' : '';
  if (open) return `run in ${run.state}${paused}`;
  const failed = status === 'failed' ? `last run ${run?.state}, ` : '';
  if (paused !== '') return `${failed}paused`;
  return `${failed}next run ${nextRunAt === null ? 'not planned' : describeNext(nextRunAt, nowMs)}`;
}

/** `GRACE until 2026-11-23 08:08Z`, `ROLLED_BACK: …`. */
export function describeOutcome({ state, problem, reason, deadlineAt }: RunAnswer): string {
  const why = isRunEnded(state) ? (state === 'DONE' ? null : reason) : problem;
  const until = deadlineAt === null ? '' : ` until ${describeMoment(deadlineAt)}`;
  return why === null ? `${state}${until}` : `${state}: ${why}`;
}

/** When it runs by itself: `every 90 days, mon-fri 09:00-17:00 (Europe/Berlin)`. */
export function describeSchedule(rotation: Omit<RotationAnswer, 'run'>): string {
  const { intervalDays, cron, window, timezone, jitterMinutes } = rotation;
  const parts = [
    intervalDays !== null
      ? `every ${intervalDays} days`
      : cron !== null
        ? `by cron "${cron}"`
        : 'before it expires',
  ];
  if (window !== null) {
    const days = window.days.length === WEEKDAYS.length ? '' : `${window.days.join(', ')} `;
    parts.push(`between ${days}${window.from} and ${window.until}`);
  }
  if (jitterMinutes > 0) parts.push(`up to ${describeMinutes(jitterMinutes)} later`);
  const zone = cron === null && window === null ? '' : ` (${timezone})`;
  return `${parts.join(', ')}${zone}`;
}

export function describeMinutes(minutes: number): string {
  return minutes === 0 ? 'none' : describeDuration(minutes * MINUTE_MS);
}

/** Prints all that is known of a rotation. */
export function printRotation(terminal: Terminal, rotation: RotationDetail, nowMs: number): void {
  const { run, keys, propagationCheck: check, config, cutover } = rotation;
  const [next, ...later] = rotation.nextRuns;
  terminal.facts({
    id: rotation.id,
    secret: `${rotation.secret} in ${rotation.environment}`,
    provider: rotation.provider,
    state: MARKS[rotation.status],
    schedule: describeSchedule(rotation),
    'next run': next === undefined ? '–' : `${describeMoment(next)} (${describeNext(next, nowMs)})`,
    'then on': later.length === 0 ? null : later.map(describeMoment).join(', '),
    'grace period': describeMinutes(rotation.gracePeriodMinutes),
    soak: describeMinutes(rotation.soakMinutes),
    'must answer': check === null ? null : `${check.endpoint} with ${check.expectedStatus}`,
    cutover: Object.keys(cutover).length === 0 ? null : JSON.stringify(cutover),
    config: JSON.stringify(config),
    enabled: `${describeMoment(rotation.createdAt)} by ${rotation.createdBy}`,
  });
  if (keys.length > 0) {
    terminal.print();
    terminal.table(
      [{ title: 'VERSION', align: 'right' }, { title: 'AT THE PROVIDER' }, { title: 'KEY' }],
      keys.map(({ version, state, keyId }) => [String(version), state, keyId ?? '–']),
    );
  }
  terminal.print();
  if (run === null) terminal.print('It has not run yet.');
  else printRun(terminal, run);
}

/** Prints a run and what it did. */
export function printRun(terminal: Terminal, run: RunWithEvents): void {
  terminal.facts({
    run: run.id,
    state: describeRunState(run),
    problem: run.problem,
    versions:
      run.toVersion === null
        ? null
        : `${run.fromVersion === null ? 'the first is' : `${run.fromVersion} →`} ${run.toVersion}`,
    keys:
      run.newKeyId === null && run.oldKeyId === null
        ? null
        : `${run.oldKeyId ?? '–'} → ${run.newKeyId ?? '–'}`,
    'to be deleted': run.orphanKeyIds.length === 0 ? null : run.orphanKeyIds.join(', '),
    cutover: run.cutoverId,
    'tried again': run.retryAt === null ? null : describeMoment(run.retryAt),
    started: `${describeMoment(run.startedAt)} by ${run.startedBy}${run.trigger === 'emergency' ? ' (emergency)' : ''}`,
    ended: run.endedAt === null ? null : describeMoment(run.endedAt),
    because: run.reason,
  });
  if (run.events.length === 0) return;
  terminal.print();
  terminal.table(
    [{ title: 'TIME' }, { title: 'STATE' }, { title: 'BY' }, { title: 'WHAT', shrinks: true }],
    run.events.map(({ at, state, actor, note }) => [describeMoment(at), state, actor, note]),
  );
}

function describeRunState({ state, resumesAs, deadlineAt }: RunAnswer): string {
  const from = resumesAs === null ? '' : ` (from ${resumesAs})`;
  return `${state}${from}${deadlineAt === null ? '' : ` until ${describeMoment(deadlineAt)}`}`;
}

/** Prints what a check found. */
export function printCheck(terminal: Terminal, { findings, nextRuns }: CheckAnswer): void {
  const { green, red } = terminal.paint;
  for (const { ok, what, detail } of findings) {
    terminal.print(`${ok ? '✓' : '✗'} ${what}: ${detail}`, ok ? green : red);
  }
  if (nextRuns.length > 0) terminal.print(`Next runs: ${nextRuns.map(describeMoment).join(', ')}`);
}

/** What a person may do about a run as it is; one line each. */
export function nextForRun(rotation: Omit<RotationAnswer, 'run'>, run: RunAnswer): string[] {
  const place = placeWords(rotation);
  switch (run.state) {
    case 'AWAITING_VALUE':
      return [`Give the new value: keyferry rotation value ${place}`];
    case 'NEEDS_ATTENTION':
      return [
        `When its cause is gone: keyferry rotation resume ${place}`,
        `Or give it up: keyferry rotation rollback ${place}`,
      ];
    case 'FAILED':
    case 'ROLLED_BACK':
      return [
        `Find out why: keyferry rotation check ${place}`,
        `Then once more: keyferry rotate ${place}`,
      ];
    default:
      return [];
  }
}

function colourOf(cell: string, { paint }: Terminal): string {
  if (cell.startsWith('✗')) return paint.red(cell);
  if (cell.startsWith('⚠')) return paint.yellow(cell);
  return cell.startsWith('✓') ? paint.green(cell) : cell;
}
