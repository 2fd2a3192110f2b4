import type { SecretDetail, VersionAnswer } from '../core/index.js';
import { segment } from './api-client.js';
import type { Session } from './command.js';
import { describeAgo, describeDuration, describeMoment } from './describe-time.js';
import { describeRotation } from './print-rotation.js';
import { versionsPath } from './send-value.js';
import type { Column } from './table.js';
import type { Terminal } from './terminal.js';

const NOTHING = '–';

/** Prints a secret, its versions, which of them can go, what is under way, and who uses it. */
export async function showSecret(
  { api, json, terminal, nowMs }: Session,
  name: string,
): Promise<void> {
  const secret = await api().get<SecretDetail>(`/v1/secrets/${segment(name)}`);
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
    routes: joined(secret.routes) ?? describeUnnamed(secret),
    clients: joined(secret.clients) ?? 'none',
    'last used': describeAgo(secret.lastUsedAt, nowMs),
    created: describeMoment(secret.createdAt),
  });
  printRotationsOf(terminal, secret, nowMs);
  printRunning(terminal, secret);
  terminal.print();
  const versions = perEnvironment.flat();
  if (versions.length === 0) {
    terminal.print('No versions.');
    return terminal.hint(`Add one: keyferry versions add ${name} --environment production`);
  }
  printVersions(terminal, versions, nowMs);
  printReasons(terminal, versions);
  printConsumers(terminal, secret, nowMs);
}

function printRunning(terminal: Terminal, { environments }: SecretDetail): void {
  for (const { environment, cutover } of environments) {
    if (cutover === null) continue;
    const { id, state, percent } = cutover;
    terminal.print();
    terminal.print(`Cutover in ${environment}: ${state}, ${percent} % of the requests.`);
    terminal.hint(`See: keyferry cutover show ${id}`);
  }
}

function printRotationsOf(
  terminal: Terminal,
  { name, environments }: SecretDetail,
  nowMs: number,
): void {
  for (const { environment, rotation } of environments) {
    if (rotation === null) continue;
    terminal.print();
    terminal.print(
      `Rotated in ${environment} by ${rotation.provider}: ${describeRotation(rotation, nowMs)}.`,
    );
    terminal.hint(`See: keyferry rotation show ${name} --environment ${environment}`);
  }
}

/** Why a version cannot be revoked now, for those that are no longer current: the current one's reason is plain. */
function printReasons(terminal: Terminal, versions: readonly VersionAnswer[]): void {
  const kept = versions.filter(
    ({ state, safeToRevoke }) => state !== 'current' && safeToRevoke?.safe === false,
  );
  if (kept.length === 0) return;
  terminal.print();
  for (const { version, environment, safeToRevoke } of kept) {
    const reasons = safeToRevoke?.reasons.map(({ message }) => message).join('; ') ?? '';
    terminal.print(`Version ${version} in ${environment} is kept: ${reasons}.`);
  }
}

interface ConsumerRow {
  readonly environment: string;
  readonly version: string;
  readonly route: string;
  readonly client: string;
  readonly counts: readonly number[];
  readonly lastUsedAt: string | null;
}

/** Each route and client with the versions that it used, and routes that name the secret and were never used. */
function printConsumers(
  terminal: Terminal,
  { environments, usage }: SecretDetail,
  nowMs: number,
): void {
  const consumers = environments.flatMap(({ environment, consumers: own }) =>
    own.map((consumer) => ({ environment, ...consumer })),
  );
  const isGone = (environment: string, route: string): boolean =>
    consumers.some(
      (consumer) =>
        consumer.environment === environment && consumer.route === route && !consumer.applied,
    );
  const used = usage.map(
    (row): ConsumerRow => ({
      environment: row.environment,
      version: String(row.version),
      route: isGone(row.environment, row.route) ? `${row.route} (no longer)` : row.route,
      client: row.client,
      counts: [row.accepted, row.refused, row.failed],
      lastUsedAt: row.lastUsedAt,
    }),
  );
  const unused = consumers
    .filter(({ lastUsedAt }) => lastUsedAt === null)
    .map(
      ({ environment, route }): ConsumerRow => ({
        environment,
        version: '–',
        route,
        client: '–',
        counts: [0, 0, 0],
        lastUsedAt: null,
      }),
    );
  if (used.length + unused.length === 0) return;
  terminal.print();
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
    [...used, ...unused].map((row) => [
      row.environment,
      row.version,
      row.route,
      row.client,
      ...row.counts.map(String),
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
  const columns: readonly (Column & { readonly of: (version: VersionAnswer) => string })[] = [
    { title: 'ENVIRONMENT', shrinks: true, of: ({ environment }) => environment },
    { title: 'VERSION', align: 'right', of: ({ version }) => String(version) },
    { title: 'STATE', of: ({ state }) => state },
    { title: 'CREATED', align: 'right', of: ({ createdAt }) => describeAgo(createdAt, nowMs) },
    { title: 'LAST USED', align: 'right', of: ({ lastUsedAt }) => describeAgo(lastUsedAt, nowMs) },
    { title: 'EXPIRES', of: ({ expiresAt }) => describeMoment(expiresAt) },
    { title: 'SAFE TO REVOKE', shrinks: true, of: (version) => describeSafety(version, nowMs) },
    { title: 'KEY', shrinks: true, of: describeKey },
    { title: 'FIELDS', shrinks: true, of: ({ fields }) => fields.join(', ') || NOTHING },
    { title: 'NOTE', shrinks: true, of: ({ note }) => note ?? NOTHING },
  ];
  // A column in which nothing stands takes room from the others.
  const shown = columns.filter(({ of }) => versions.some((version) => of(version) !== NOTHING));
  terminal.table(
    shown,
    versions.map((version) => shown.map(({ of }) => of(version))),
    (cell, column) =>
      column === 2 && cell.trim() === 'current' ? terminal.paint.green(cell) : cell,
  );
}

/** What it is at its provider: `AKIA… live`. */
function describeKey({ providerKey }: VersionAnswer): string {
  if (providerKey == null || providerKey.state === 'none') return NOTHING;
  const { keyId, state } = providerKey;
  return keyId === null ? state : `${keyId} ${state}`;
}

function describeSafety({ safeToRevoke }: VersionAnswer, nowMs: number): string {
  if (safeToRevoke === null || safeToRevoke === undefined) return NOTHING;
  const { safe, reasons, safeFrom } = safeToRevoke;
  if (safe) return 'yes';
  if (safeFrom !== null) return `in ${describeDuration(Date.parse(safeFrom) - nowMs)}`;
  return `no: ${reasons.map(({ code }) => code.replace('_', ' ')).join(', ')}`;
}

/** No route names it: since when, where it was named before. */
function describeUnnamed({ unnamedSince }: SecretDetail): string {
  return unnamedSince ? `none since ${describeMoment(unnamedSince)}` : 'none';
}

function joined(items: readonly string[]): string | null {
  return items.length === 0 ? null : items.join(', ');
}
