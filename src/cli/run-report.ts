import { writeFile } from 'node:fs/promises';
import {
  type CutoverDetail,
  isRunEnded,
  type RotationDetail,
  type RunDetail,
  type RunState,
} from '../core/index.js';
import type { Session } from './command.js';
import { CommandFailure } from './command-failure.js';
import { cutoverPath } from './cutover-names.js';
import { inline, table } from './markdown.js';
import { describeOutcome } from './print-rotation.js';
import { figuresOf, partakersOf } from './rotation-report.js';
import { placeWords, rotationPath } from './rotation-words.js';

/** Writes the checklist of a rotation's newest run as it is now: what was done, on which evidence, what is left. */
export async function writeRunReport(
  session: Session,
  { id }: Pick<RotationDetail, 'id'>,
  file: string,
): Promise<void> {
  const api = session.api();
  const rotation = await api.get<RotationDetail>(rotationPath(id));
  const { run } = rotation;
  if (run === null) throw new CommandFailure('it has not run yet: there is nothing to report');
  const cutover =
    run.cutoverId === null ? null : await api.get<CutoverDetail>(cutoverPath(run.cutoverId));
  const now = new Date().toISOString();
  try {
    await writeFile(file, renderRunReport({ rotation, run, cutover, now }));
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw new CommandFailure(`the report could not be written (${code})`, {
      hints: [`Once more: keyferry rotation show ${placeWords(rotation)} --report FILE`],
    });
  }
  if (!session.json) session.terminal.hint(`Wrote ${file}.`);
}

interface RunFacts {
  readonly rotation: RotationDetail;
  readonly run: RunDetail;
  readonly cutover: CutoverDetail | null;
  /** RFC 3339. */
  readonly now: string;
}

/** The report as Markdown. Names, numbers and times only: no value reaches the command line. */
function renderRunReport({ rotation, run, cutover, now }: RunFacts): string {
  const { secret, environment, provider, keys } = rotation;
  const sections = [
    `# Rotation of ${secret} in ${environment} by ${provider}`,
    `${inline(describeOutcome(run))}. Written ${now}.`,
    table(
      ['what', 'is'],
      [
        ['run', run.id],
        ['begun', `${run.startedAt} by ${run.startedBy} (${run.trigger})`],
        ['ended', run.endedAt === null ? 'not yet' : `${run.endedAt}: ${run.reason ?? ''}`],
        ['from', `version ${run.fromVersion ?? '–'}, key ${run.oldKeyId ?? '–'}`],
        ['to', `version ${run.toVersion ?? '–'}, key ${run.newKeyId ?? '–'}`],
        ['cutover', run.cutoverId ?? '–'],
        ...(run.problem === null ? [] : [['problem', run.problem]]),
      ],
    ),
    `## Checklist\n\n${checklist(run).join('\n')}`,
    `## What was done\n\n${table(
      ['time', 'state', 'by', 'what'],
      run.events.map(({ at, state, actor, note }) => [at, state, actor, note]),
    )}`,
    ...(keys.length === 0
      ? []
      : [
          `## Keys at the provider\n\n${table(
            ['version', 'key', 'state'],
            keys.map(({ version, keyId, state }) => [String(version), keyId ?? '–', state]),
          )}`,
        ]),
    ...(cutover === null
      ? []
      : [
          `## Figures of the live traffic\n\n${figuresOf(cutover)}`,
          `## Who took part\n\n${partakersOf(cutover)}`,
        ]),
  ];
  return `${sections.join('\n\n')}\n`;
}

/** Where each thing is done once the run has come to one of these states. */
const ITEMS: readonly (readonly [text: string, states: readonly RunState[]])[] = [
  ['checked that it can be rotated', ['MINTING', 'AWAITING_VALUE']],
  ['new key made and stored', ['MINTED']],
  ['new key tried before any traffic', ['CUTOVER']],
  ['verified with live traffic, and current', ['GRACE']],
  ['grace period over, and nobody uses the old key', ['DISABLING', 'REVOKING']],
  ['old key disabled', ['SOAK']],
  ['old key revoked', ['DONE']],
];

function checklist({ state, reason, events }: RunDetail): string[] {
  const seen = new Set<RunState>([...events.map((event) => event.state), state]);
  const last = ITEMS.findLastIndex(([, states]) => states.some((it) => seen.has(it)));
  const isDone = state === 'DONE';
  const lines = ITEMS.flatMap(([text, states], at) => {
    const done = at <= last && (isDone || at < last || states.some((it) => seen.has(it)));
    const skipped = isDone && at > 3 && !states.some((it) => seen.has(it));
    return skipped ? [] : [`- [${done ? 'x' : ' '}] ${text}`];
  });
  if (!isRunEnded(state) || isDone) return lines;
  return [
    ...lines.filter((line) => line.startsWith('- [x]')),
    `- [x] ended: ${inline(reason ?? state)}`,
    '- [ ] find out why (see below), and rotate again',
  ];
}
