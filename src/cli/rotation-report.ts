import { access, constants, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { CutoverDetail, SecretAnswer, UsageAnswer, VersionAnswer } from '../core/index.js';
import { PROBE_CLIENT } from '../core/index.js';
import { segment } from './api-client.js';
import type { Session } from './command.js';
import { CommandFailure } from './command-failure.js';
import { cutoverPath, newName, oldName, probesRefused } from './cutover-names.js';
import { inline, table } from './markdown.js';
import { describeState } from './print-cutover.js';
import { versionsPath } from './send-value.js';

type SecretDetail = SecretAnswer & { readonly usage: readonly UsageAnswer[] };

/** Throws before anything is done, where the report could not be written afterwards. */
export async function requireReportFile(file: string): Promise<void> {
  try {
    await access(dirname(file), constants.W_OK);
    if ((await stat(file).catch(() => undefined))?.isDirectory() !== true) return;
  } catch {
    throw new CommandFailure('the folder of --report cannot be written to');
  }
  throw new CommandFailure('--report names a folder; give the name of a file');
}

/** Writes the checklist of a cutover as it is now: what was done, on which evidence, and what is left to do. */
export async function writeReport(session: Session, id: string, file: string): Promise<void> {
  const api = session.api();
  const cutover = await api.get<CutoverDetail>(cutoverPath(id));
  const secret = await api.get<SecretDetail>(`/v1/secrets/${segment(cutover.secret)}`);
  const versions = versionsPath(cutover.secret, cutover.environment);
  const old = await api.get<VersionAnswer>(`${versions}/${cutover.fromVersion}`);
  try {
    await writeFile(file, renderReport({ cutover, secret, old, now: new Date().toISOString() }));
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw new CommandFailure(`the report could not be written (${code})`, {
      hints: [`Once more: keyferry cutover show ${id} --report FILE`],
    });
  }
  if (!session.json) session.terminal.hint(`Wrote ${file}.`);
}

interface ReportFacts {
  readonly cutover: CutoverDetail;
  readonly secret: SecretDetail;
  /** The version that it began with. */
  readonly old: VersionAnswer;
  /** RFC 3339. */
  readonly now: string;
}

/** The report as Markdown. Names, numbers and times only: no value reaches the command line. */
function renderReport({ cutover, secret, old, now }: ReportFacts): string {
  const { settings } = cutover;
  const use = secret.usage.filter(
    (row) => row.environment === cutover.environment && row.version === cutover.fromVersion,
  );
  const sections = [
    `# Rotation of ${cutover.secret} in ${cutover.environment}`,
    `${describeState(cutover)}. Written ${now}.`,
    table(
      ['what', 'is'],
      [
        ['from', `${oldName(cutover)} of ${cutover.secret}`],
        ['to', newName(cutover)],
        ['cutover', cutover.id],
        ['started', `${cutover.startedAt} by ${cutover.startedBy}`],
        ['current since', cutover.currentSince ?? '–'],
        ['old version kept live until', cutover.windowEndsAt ?? '–'],
        [
          'ended',
          cutover.endedAt === null
            ? 'not yet'
            : `${cutover.endedAt}${cutover.endedByItself ? ' by itself' : ''}: ${cutover.reason}`,
        ],
        [
          'settings',
          `steps ${settings.steps.map((step) => `${step} %`).join(', ')}; each at least ${settings.stepMinSamples} accepted requests and ${settings.stepMinSeconds} s; refusals borne ${settings.maxRefusalRatio}`,
        ],
      ],
    ),
    `## Checklist\n\n${checklist(cutover, old).join('\n')}`,
    `## Figures\n\n${figuresOf(cutover)}`,
    `## Who took part\n\n${partakersOf(cutover)}`,
    `## Who used ${oldName(cutover)}, and when last\n\n${
      use.length === 0
        ? 'Nobody, as far as Keyferry has seen.'
        : table(
            ['route', 'client', 'accepted', 'last used'],
            use.map((row) => [row.route, row.client, String(row.accepted), row.lastUsedAt]),
          )
    }`,
  ];
  return `${sections.join('\n\n')}\n`;
}

function checklist(cutover: CutoverDetail, old: VersionAnswer): string[] {
  const { state, secret, environment, fromVersion } = cutover;
  const item = (done: boolean, text: string): string => `- [${done ? 'x' : ' '}] ${text}`;
  const probes = cutover.figures.reduce((sum, row) => sum + row.probes, 0);
  const requests = cutover.observations.filter(
    ({ side, client }) => side === 'new' && client !== PROBE_CLIENT,
  );
  const taken = requests.reduce((sum, row) => sum + row.accepted, 0);
  const refused = requests.reduce((sum, row) => sum + row.refused, 0);
  const begun = item(true, `${newName(cutover)} stored, and the cutover started`);
  const tried = probesRefused(cutover)
    ? item(true, 'tried by probes, which were refused: no request of an app had it')
    : item(
        probes > 0,
        probes > 0 ? `tried by ${probes} accepted probes` : 'tried by a probe (no route has one)',
      );
  const verified = `verified with ${taken} accepted requests, ${refused} refused`;
  if (state === 'ROLLED_BACK') {
    return [
      begun,
      tried,
      item(false, verified),
      item(true, `rolled back: ${inline(cutover.reason ?? '')}`),
      item(false, `find out why ${newName(cutover)} was not good enough, and rotate again`),
      item(false, 'revoke the new key at the provider if it is not to be used'),
    ];
  }
  const isCurrent = cutover.currentSince !== null;
  const isOver = state === 'COMPLETED';
  const after = cutover.windowEndsAt === null ? 'the window' : cutover.windowEndsAt;
  return [
    begun,
    tried,
    item(isCurrent, verified),
    item(isCurrent, `${newName(cutover)} is current`),
    item(isOver, `the window is over (${after}); until then it can be rolled back at once`),
    item(old.safeToRevoke?.safe === true, `${oldName(cutover)} can be revoked: ${whyOf(old)}`),
    ...(cutover.toSecret === null
      ? [
          item(
            false,
            `revoke it in Keyferry: \`keyferry versions revoke ${secret} ${fromVersion} --environment ${environment}\``,
          ),
        ]
      : [item(false, `delete the old secret: \`keyferry secrets delete ${secret}\``)]),
    item(false, `then revoke the old key at the provider, not before ${after}`),
  ];
}

/** What Keyferry would say if it were asked to revoke it now. */
function whyOf({ state, safeToRevoke }: VersionAnswer): string {
  if (safeToRevoke == null) return `it is ${state}`;
  const reasons = safeToRevoke.reasons.map(({ message }) => message).join('; ');
  return safeToRevoke.safeFrom === null
    ? reasons
    : `${reasons}; safe from ${safeToRevoke.safeFrom}`;
}

/** Per step and side. */
export function figuresOf({ figures, fromVersion, toVersion, toSecret }: CutoverDetail): string {
  if (figures.length === 0) return 'No request was seen.';
  return table(
    [
      'step',
      'version',
      'accepted',
      'refused',
      'of them accepted with the other',
      'refused with both',
      'failed',
      'probes',
    ],
    figures.flatMap((row) =>
      (['old', 'new'] as const).map((side) => [
        `${row.percent} %`,
        side === 'old' ? String(fromVersion) : (toSecret ?? String(toVersion)),
        String(row[side].accepted),
        String(row[side].refused),
        String(row[side].pairedRefusals),
        String(row[side].sharedRefusals),
        String(row[side].failed),
        side === 'old' ? '–' : String(row.probes),
      ]),
    ),
  );
}

/** Which routes and clients had the new version. */
export function partakersOf({ observations }: CutoverDetail): string {
  const taken = observations.filter(({ side }) => side === 'new');
  if (taken.length === 0) return 'No request took the new version yet.';
  return table(
    ['step', 'route', 'client', 'accepted', 'refused'],
    taken.map((row) => [
      `${row.percent} %`,
      row.route,
      row.client,
      String(row.accepted),
      String(row.refused),
    ]),
  );
}
