import { Option } from 'commander';
import { type CutoverAnswer, isRunEnded, type SecretAnswer } from '../core/index.js';
import { addCommand, type Registry, type Session } from './command.js';
import type { ExitCode } from './command-failure.js';
import { newName } from './cutover-names.js';
import { describeAgo, describeDuration, describeMoment, describeUntil } from './describe-time.js';
import { type Attention, MARKS, type SecretStatus, statusesOf } from './secret-status.js';
import type { Paint, Terminal } from './terminal.js';

interface StatusOptions {
  readonly check?: boolean;
  readonly environment?: string;
}

const ATTENTION: Readonly<Record<Attention, string>> = {
  overdue: '✗ overdue',
  without_value: '✗ no value',
  rotation_failed: '✗ rotation failed',
  awaiting_value: '⚠ rotation waits for a value',
  expiring: '⚠ expires in 7 days',
  unused: '⚠ unused for 30 days',
};

/** `keyferry status`: the age of everything, what is under way and what needs a person, at one glance. */
export function addStatus(registry: Registry): void {
  addCommand<StatusOptions>(registry, {
    usage: 'status',
    summary: 'every secret with its age, last use and next rotation',
    example: 'status --check',
    options: [
      new Option(
        '--check',
        'exit with 2 when a secret is overdue, or has no current version where a route needs it',
      ),
      new Option('-e, --environment <name>', 'only this environment'),
    ],
    act: showStatus,
  });
}

async function showStatus(
  { api, json, terminal, nowMs }: Session,
  { check, environment }: StatusOptions,
): Promise<ExitCode> {
  // Only for its answer to a misspelt name: what routes lack there is not in a list of what it holds.
  if (environment !== undefined) await api().get('/v1/secrets', { environment, limit: 1 });
  const secrets = await api().listPaged<SecretAnswer>('/v1/secrets');
  const cutovers = await api().listPaged<CutoverAnswer>('/v1/cutovers', {
    running: true,
    environment,
  });
  const rows = secrets.flatMap((secret) => statusesOf(secret, environment, nowMs));
  const overdue = rows.filter(({ attention }) => attention.includes('overdue'));
  const lacking = rows.filter(({ attention }) => attention.includes('without_value'));
  const exitCode = check === true && overdue.length + lacking.length > 0 ? 2 : 0;
  if (json) {
    const items = rows.map(({ ageMs, ...row }) => row);
    const counts = { overdue: overdue.length, withoutValue: lacking.length };
    terminal.json({ items, ...counts, cutovers });
    return exitCode;
  }
  if (rows.length === 0) {
    terminal.print(environment === undefined ? 'No secrets.' : `No secrets in ${environment}.`);
    terminal.hint(
      `Create one: keyferry secrets create NAME --environment ${environment ?? 'production'}`,
    );
    return exitCode;
  }
  printSecrets(terminal, rows, nowMs);
  if (cutovers.length > 0) printCutovers(terminal, cutovers);
  printAttention(terminal, rows, cutovers);
  hintAtNext(terminal, overdue, lacking);
  hintAtRotations(terminal, rows);
  return exitCode;
}

function printSecrets(terminal: Terminal, rows: readonly SecretStatus[], nowMs: number): void {
  terminal.table(
    [
      { title: 'SECRET', shrinks: true },
      { title: 'ENVIRONMENT', shrinks: true },
      { title: 'VERSION', align: 'right' },
      { title: 'AGE', align: 'right' },
      { title: 'LAST USED', align: 'right' },
      { title: 'NEXT ROTATION', align: 'right' },
      { title: 'MARK' },
    ],
    rows.map((row) => [
      row.secret,
      row.environment ?? '–',
      row.version === null ? '–' : String(row.version),
      row.ageMs === null ? '–' : describeDuration(row.ageMs),
      row.environment === null ? '–' : describeAgo(row.lastUsedAt, nowMs),
      describeNextRotation(row, nowMs),
      MARKS[row.mark],
    ]),
    (cell, column) => (column === 6 ? colourOf(cell, terminal.paint) : cell),
  );
}

/** `in 12 d (aws)`, `in 12 d` where a person does it, `GRACE (aws)` while a run is open. */
function describeNextRotation({ rotation, nextRotationAt }: SecretStatus, nowMs: number): string {
  const next = nextRotationAt === null ? '–' : describeUntil(Date.parse(nextRotationAt), nowMs);
  if (rotation === null) return next;
  const { run, state, provider } = rotation;
  const open = run !== null && !isRunEnded(run.state) ? run.state : undefined;
  return `${open ?? (state === 'paused' ? 'paused' : next)} (${provider})`;
}

function printCutovers(terminal: Terminal, cutovers: readonly CutoverAnswer[]): void {
  terminal.print();
  terminal.table(
    [
      { title: 'CUTOVER OF', shrinks: true },
      { title: 'ENVIRONMENT', shrinks: true },
      { title: 'TO', shrinks: true },
      { title: 'STATE' },
      { title: 'SHARE', align: 'right' },
      { title: 'NOTE', shrinks: true },
    ],
    cutovers.map((cutover) => [
      cutover.secret,
      cutover.environment,
      newName(cutover),
      cutover.state,
      `${cutover.percent} %`,
      noteOf(cutover),
    ]),
  );
}

function noteOf({ paused, hold, windowEndsAt }: CutoverAnswer): string {
  if (hold !== null) return `held: ${hold.explanation}`;
  if (paused) return 'paused';
  return windowEndsAt === null ? '–' : `old one kept until ${describeMoment(windowEndsAt)}`;
}

/** One line for each thing that a person should look at; nothing where there is none. */
function printAttention(
  terminal: Terminal,
  rows: readonly SecretStatus[],
  cutovers: readonly CutoverAnswer[],
): void {
  const place = (row: { secret: string; environment: string | null }): string =>
    `${row.secret} in ${row.environment}`;
  const lines = Object.entries(ATTENTION).map(([kind, title]): [string, string[]] => [
    title,
    rows.filter((row) => row.attention.includes(kind as Attention)).map(place),
  ]);
  const standing = cutovers.filter(({ hold, paused }) => hold !== null || paused);
  lines.push(['⚠ cutover stands still', standing.map(place)]);
  const found = lines.filter(([, places]) => places.length > 0);
  if (found.length === 0) return;
  terminal.print();
  terminal.table(
    [
      { title: 'NEEDS ATTENTION' },
      { title: 'COUNT', align: 'right' },
      { title: 'WHICH', shrinks: true },
    ],
    found.map(([title, places]) => [title, String(places.length), places.join(', ')]),
    (cell, column) => (column === 0 ? colourOf(cell, terminal.paint) : cell),
  );
}

function hintAtNext(
  terminal: Terminal,
  [overdue]: readonly SecretStatus[],
  [lacking]: readonly SecretStatus[],
): void {
  if (overdue !== undefined) {
    terminal.hint(`Next: keyferry rotate ${overdue.secret} --environment ${overdue.environment}`);
  }
  if (lacking !== undefined) {
    terminal.hint(
      `Requests on route ${lacking.routes[0]} in ${lacking.environment} fail. Next: keyferry versions add ${lacking.secret} --environment ${lacking.environment}`,
    );
  }
}

function hintAtRotations(terminal: Terminal, rows: readonly SecretStatus[]): void {
  const failed = rows.some(({ attention }) => attention.includes('rotation_failed'));
  if (failed) terminal.hint('See why: keyferry rotation list --status failed');
  const waiting = rows.find(({ attention }) => attention.includes('awaiting_value'));
  if (waiting === undefined) return;
  const { secret, environment } = waiting;
  terminal.hint(
    `Give the new value: keyferry rotation value ${secret} --environment ${environment}`,
  );
}

function colourOf(cell: string, paint: Paint): string {
  if (cell.startsWith('✗')) return paint.red(cell);
  if (cell.startsWith('⚠')) return paint.yellow(cell);
  return cell.startsWith('✓') ? paint.green(cell) : paint.dim(cell);
}
