import { Option } from 'commander';
import type { AgeMark } from '../core/index.js';
import { addCommand, type Registry } from './command.js';
import { describeAgo, describeDuration, describeUntil } from './describe-time.js';
import type { SecretAnswer, SecretEnvironmentAnswer } from './secret-answer.js';
import type { Paint } from './terminal.js';

const DAY_MS = 86_400_000;

interface StatusOptions {
  readonly check?: boolean;
  readonly environment?: string;
}

interface StatusRow {
  readonly secret: string;
  readonly environment: string | null;
  readonly version: number | null;
  readonly ageDays: number | null;
  readonly ageMs: number | null;
  readonly lastUsedAt: string | null;
  readonly nextRotationAt: string | null;
  /** An applied route names the secret. */
  readonly routed: boolean;
  /** `missing`: there is no current version to judge. */
  readonly mark: AgeMark | 'missing';
}

const MARKS: Readonly<Record<StatusRow['mark'], string>> = {
  fresh: '✓ fresh',
  ageing: '⚠ ageing',
  overdue: '✗ overdue',
  missing: '– no value',
};

/** `keyferry status`: the age of everything, at one glance. */
export function addStatus(registry: Registry): void {
  addCommand<StatusOptions>(registry, {
    usage: 'status',
    summary: 'every secret with its age, last use and next rotation',
    example: 'status --check',
    options: [
      new Option(
        '--check',
        'exit with 2 when a secret is overdue, or a route names one that has no current version',
      ),
      new Option('-e, --environment <name>', 'only this environment'),
    ],
    async act({ api, json, terminal, nowMs }, { check, environment }) {
      const secrets = await api().listPaged<SecretAnswer>('/v1/secrets', { environment });
      const rows = secrets.flatMap((secret) => rowsOf(secret, environment, nowMs));
      const overdue = rows.filter((row) => row.mark === 'overdue').length;
      const lacking = rows.filter((row) => row.mark === 'missing' && row.routed);
      const exitCode = check === true && overdue + lacking.length > 0 ? 2 : 0;
      if (json) {
        const items = rows.map(({ ageMs, routed, ...row }) => row);
        terminal.json({ items, overdue, withoutValue: lacking.length });
        return exitCode;
      }
      if (rows.length === 0) {
        terminal.print(environment === undefined ? 'No secrets.' : `No secrets in ${environment}.`);
        terminal.hint(
          `Create one: keyferry secrets create NAME --environment ${environment ?? 'production'}`,
        );
        return exitCode;
      }
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
          row.nextRotationAt === null ? '–' : describeUntil(Date.parse(row.nextRotationAt), nowMs),
          MARKS[row.mark],
        ]),
        (cell, column) => (column === 6 ? colourOf(cell, terminal.paint) : cell),
      );
      const first = rows.find((row) => row.mark === 'overdue');
      if (first !== undefined) {
        terminal.hint(
          `${overdue} overdue. Next: keyferry versions add ${first.secret} --environment ${first.environment}, then versions activate.`,
        );
      }
      const [firstLacking] = lacking;
      if (firstLacking !== undefined) {
        terminal.hint(
          `${lacking.length} that routes name ${lacking.length === 1 ? 'has' : 'have'} no current version: requests that need ${lacking.length === 1 ? 'it' : 'them'} fail. Next: keyferry versions add ${firstLacking.secret} --environment ${firstLacking.environment ?? 'ENVIRONMENT'}`,
        );
      }
      return exitCode;
    },
  });
}

function rowsOf(secret: SecretAnswer, environment: string | undefined, nowMs: number): StatusRow[] {
  const held = secret.environments.filter(
    (it) => environment === undefined || it.environment === environment,
  );
  if (held.length > 0) return held.map((it) => rowOf(secret, it, nowMs));
  if (environment !== undefined) return [];
  return [emptyRow(secret, null, null)];
}

function rowOf(secret: SecretAnswer, held: SecretEnvironmentAnswer, nowMs: number): StatusRow {
  const { environment, currentVersion, currentCreatedAt, ageDays, mark, lastUsedAt } = held;
  if (currentVersion === null || currentCreatedAt === null || mark === null) {
    return emptyRow(secret, environment, lastUsedAt);
  }
  const createdAtMs = Date.parse(currentCreatedAt);
  const expiresAtMs =
    held.expiresAt === null ? Number.POSITIVE_INFINITY : Date.parse(held.expiresAt);
  // A version that expires must be replaced before it does, whatever its interval.
  const dueAtMs = Math.min(createdAtMs + secret.rotateEveryDays * DAY_MS, expiresAtMs);
  return {
    secret: secret.name,
    environment,
    version: currentVersion,
    ageDays,
    ageMs: Math.max(0, nowMs - createdAtMs),
    lastUsedAt,
    nextRotationAt: new Date(dueAtMs).toISOString(),
    routed: isRouted(secret),
    mark: expiresAtMs <= nowMs ? 'overdue' : mark,
  };
}

function emptyRow(
  secret: SecretAnswer,
  environment: string | null,
  lastUsedAt: string | null,
): StatusRow {
  return {
    secret: secret.name,
    environment,
    version: null,
    ageDays: null,
    ageMs: null,
    lastUsedAt,
    nextRotationAt: null,
    routed: isRouted(secret),
    mark: 'missing',
  };
}

function isRouted({ routes }: SecretAnswer): boolean {
  return routes.length > 0;
}

function colourOf(cell: string, paint: Paint): string {
  if (cell.startsWith('✗')) return paint.red(cell);
  if (cell.startsWith('⚠')) return paint.yellow(cell);
  return cell.startsWith('✓') ? paint.green(cell) : paint.dim(cell);
}
