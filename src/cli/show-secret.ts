import { segment } from './api-client.js';
import type { Session } from './command.js';
import { describeAgo, describeDuration, describeMoment } from './describe-time.js';
import type { SecretAnswer, UsageAnswer } from './secret-answer.js';
import { type VersionAnswer, versionsPath } from './send-value.js';

/** Prints a secret, its versions and where it is used. */
export async function showSecret(
  { api, json, terminal, nowMs }: Session,
  name: string,
): Promise<void> {
  type Answer = SecretAnswer & { readonly usage: readonly UsageAnswer[] };
  const secret = await api().get<Answer>(`/v1/secrets/${segment(name)}`);
  if (json) return terminal.json(secret);
  const perEnvironment = await Promise.all(
    secret.environments.map(({ environment }) =>
      api().list<VersionAnswer>(versionsPath(name, environment)),
    ),
  );
  terminal.facts({
    name: secret.name,
    description: secret.description,
    owner: secret.owner,
    kind: secret.kind,
    criticality: secret.criticality,
    labels: joined(Object.entries(secret.labels).map(([label, value]) => `${label}=${value}`)),
    'allowed hosts': joined(secret.allowedHosts) ?? 'any',
    'rotate every': `${secret.rotateEveryDays} d`,
    'maximum age': `${secret.maximumAgeDays} d`,
    routes: joined(secret.routes) ?? 'none',
    clients: joined(secret.clients) ?? 'none',
    'last used': describeAgo(secret.lastUsedAt, nowMs),
    created: describeMoment(secret.createdAt),
  });
  terminal.print();
  if (perEnvironment.flat().length === 0) {
    terminal.print('No versions.');
    return terminal.hint(`Add one: keyferry versions add ${name} --environment production`);
  }
  printVersions(terminal, perEnvironment.flat(), nowMs);
  if (secret.usage.length === 0) return;
  terminal.print();
  printUsage(terminal, secret.usage, nowMs);
}

function printUsage(
  terminal: Session['terminal'],
  usage: readonly UsageAnswer[],
  nowMs: number,
): void {
  terminal.table(
    [
      { title: 'USED IN', shrinks: true },
      { title: 'VERSION', align: 'right' },
      { title: 'ROUTE', shrinks: true },
      { title: 'CLIENT', shrinks: true },
      { title: 'ACCEPTED', align: 'right' },
      { title: 'REFUSED', align: 'right' },
      { title: 'FAILED', align: 'right' },
      { title: 'LAST USED', align: 'right' },
    ],
    usage.map((row) => [
      row.environment,
      String(row.version),
      row.route,
      row.client,
      String(row.accepted),
      String(row.refused),
      String(row.failed),
      describeAgo(row.lastUsedAt, nowMs),
    ]),
  );
}

/** The table of versions, newest first as the server gives them. */
export function printVersions(
  terminal: Session['terminal'],
  versions: readonly VersionAnswer[],
  nowMs: number,
): void {
  terminal.table(
    [
      { title: 'ENVIRONMENT', shrinks: true },
      { title: 'VERSION', align: 'right' },
      { title: 'STATE' },
      { title: 'CREATED', align: 'right' },
      { title: 'LAST USED', align: 'right' },
      { title: 'EXPIRES' },
      { title: 'SAFE TO REVOKE' },
      { title: 'FIELDS', shrinks: true },
      { title: 'NOTE', shrinks: true },
    ],
    versions.map((version) => [
      version.environment,
      String(version.version),
      version.state,
      describeAgo(version.createdAt, nowMs),
      describeAgo(version.lastUsedAt, nowMs),
      describeMoment(version.expiresAt),
      describeSafety(version, nowMs),
      version.fields.join(', ') || '–',
      version.note ?? '–',
    ]),
    (cell, column) =>
      column === 2 && cell.trim() === 'current' ? terminal.paint.green(cell) : cell,
  );
}

function describeSafety({ safeToRevoke }: VersionAnswer, nowMs: number): string {
  if (safeToRevoke === null || safeToRevoke === undefined) return '–';
  const { safe, reasons, safeFrom } = safeToRevoke;
  if (safe) return 'yes';
  if (safeFrom !== null) return `in ${describeDuration(Date.parse(safeFrom) - nowMs)}`;
  return `no: ${reasons.map(({ code }) => code.replace('_', ' ')).join(', ')}`;
}

function joined(items: readonly string[]): string | null {
  return items.length === 0 ? null : items.join(', ');
}
