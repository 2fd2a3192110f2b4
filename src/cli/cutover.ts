import { Option } from 'commander';
import type { CutoverAnswer, CutoverDetail } from '../core/index.js';
import { CUTOVER_STATES } from '../core/index.js';
import { segment } from './api-client.js';
import {
  addCommand,
  addNoun,
  environmentOption,
  type Registry,
  type Session,
  wholeNumber,
} from './command.js';
import type { ExitCode } from './command-failure.js';
import { cutoverPath, newName, oldName, withSecret } from './cutover-names.js';
import { type CutoverOptions, cutoverBody, cutoverOptions } from './cutover-options.js';
import { findCutover, ofEnvironment, type WhichCutover } from './find-cutover.js';
import { concludeCutover, followCutover } from './follow-cutover.js';
import { describeState, printCutover, printCutovers } from './print-cutover.js';
import { requireReportFile, writeReport } from './rotation-report.js';

interface StartOptions extends CutoverOptions {
  readonly environment: string;
  readonly toVersion: number;
  readonly watch?: boolean;
}

interface ListOptions {
  readonly secret?: string;
  readonly environment?: string;
  readonly state?: string;
  readonly running?: boolean;
  readonly limit?: number;
}

interface ShowOptions extends WhichCutover {
  readonly watch?: boolean;
  readonly report?: string;
}

const DEFAULT_LIMIT = 50;
const watchOption = (): Option =>
  new Option('--watch', 'show its steps until the new version is current, or then until its end');

/** `keyferry cutover start|list|show|complete|rollback|pause|resume`. */
export function addCutover(registry: Registry): void {
  const noun = addNoun(registry, 'cutover', 'move to another version, judged by live traffic');
  addCommand<StartOptions>(noun, {
    usage: 'start <secret>',
    summary: 'give a version to a share of the requests, then to all, if it is not refused',
    example: 'cutover start stripe_api_key --environment production --to-version 2 --watch',
    notes: ['The server does it by itself: nothing stops when this command does.'],
    options: [
      environmentOption(),
      wholeNumber('--to-version <version>', 'the version to move to').makeOptionMandatory(),
      ...cutoverOptions(),
      watchOption(),
    ],
    act: start,
  });
  addCommand<ListOptions>(noun, {
    usage: 'list',
    summary: 'list cutovers, newest first',
    example: 'cutover list --running',
    options: [
      new Option('--secret <name>', 'only of this secret'),
      new Option('-e, --environment <name>', 'only in this environment'),
      new Option('--state <state>', 'only in this state').choices(CUTOVER_STATES),
      new Option('--running', 'only those that are under way'),
      wholeNumber('--limit <rows>', `at most so many rows (default ${DEFAULT_LIMIT})`),
    ],
    async act({ api, json, terminal, nowMs }, { limit = DEFAULT_LIMIT, ...filter }) {
      const items = await api().listPaged<CutoverAnswer>('/v1/cutovers', { ...filter }, limit);
      if (json) return terminal.json({ items });
      if (items.length === 0) return terminal.print('No cutovers.');
      printCutovers(terminal, items, nowMs);
    },
  });
  addCommand<ShowOptions>(noun, {
    usage: 'show <id>',
    summary: 'show a cutover: its state, its figures and what it waits for',
    example: 'cutover show stripe_api_key --environment production --watch',
    options: [
      ofEnvironment(),
      watchOption(),
      new Option('--report <file>', 'write a checklist with the evidence to a file'),
    ],
    act: show,
  });
  addVerb(noun, {
    verb: 'complete',
    summary: 'end it with the new version current, whatever is left of its steps',
    takesReason: true,
    say: (cutover) =>
      `Completed: every request takes ${withSecret(cutover, newName(cutover))} in ${cutover.environment}.`,
  });
  addVerb(noun, {
    verb: 'rollback',
    summary: 'end it with the old version current',
    takesReason: true,
    say: (cutover) =>
      `Rolled back: every request takes ${withSecret(cutover, oldName(cutover))} in ${cutover.environment}.`,
  });
  addVerb(noun, {
    verb: 'pause',
    summary: 'keep it at its step; it is still rolled back when the new version is refused',
    takesReason: false,
    say: (cutover) => `Paused. ${describeState(cutover)}.`,
  });
  addVerb(noun, {
    verb: 'resume',
    summary: 'let it go on',
    takesReason: false,
    say: (cutover) => `It goes on. ${describeState(cutover)}.`,
  });
}

/** The verbs that change a cutover which is under way. */
function addVerb(
  noun: Registry,
  about: {
    readonly verb: 'complete' | 'rollback' | 'pause' | 'resume';
    readonly summary: string;
    readonly takesReason: boolean;
    readonly say: (cutover: CutoverDetail) => string;
  },
): void {
  const { verb, summary, takesReason, say } = about;
  addCommand<WhichCutover & { readonly reason?: string }>(noun, {
    usage: `${verb} <id>`,
    summary,
    example: `cutover ${verb} stripe_api_key --environment production`,
    options: [
      ofEnvironment(),
      ...(takesReason ? [new Option('--reason <text>', 'why; kept with the cutover')] : []),
    ],
    async act({ api, json, terminal }, { reason, ...which }, idOrSecret) {
      const { id } = await findCutover(api(), idOrSecret, which, true);
      const body = reason === undefined ? undefined : { reason };
      const answer = await api().post<CutoverDetail>(`${cutoverPath(id)}/${verb}`, body);
      if (json) return terminal.json(answer);
      terminal.print(say(answer));
    },
  });
}

async function start(
  session: Session,
  { environment, toVersion, watch, ...settings }: StartOptions,
  secret: string,
): Promise<ExitCode> {
  const { api, json, terminal } = session;
  const path = `/v1/secrets/${segment(secret)}/environments/${segment(environment)}/cutovers`;
  const started = await api().post<CutoverDetail>(path, { toVersion, ...cutoverBody(settings) });
  if (!json) {
    terminal.print(
      `Cutover of ${secret} in ${environment} from ${oldName(started)} to ${newName(started)}: ${started.id}`,
    );
  }
  if (watch === true) return watchToEnd(session, started);
  if (json) terminal.json(started);
  else terminal.hint(`Watch it: keyferry cutover show ${started.id} --watch`);
  return 0;
}

async function show(
  session: Session,
  { watch, report, ...which }: ShowOptions,
  idOrSecret: string,
): Promise<ExitCode> {
  const { api, json, terminal } = session;
  if (report !== undefined) await requireReportFile(report);
  const found = await findCutover(api(), idOrSecret, which);
  const running = found.endedAt === null;
  let exitCode: ExitCode = 0;
  if (watch === true && running) exitCode = await watchToEnd(session, found);
  else if (json) terminal.json(found);
  else printCutover(terminal, found);
  if (report !== undefined) await writeReport(session, found.id, report);
  return exitCode;
}

async function watchToEnd(session: Session, cutover: CutoverAnswer): Promise<ExitCode> {
  const followed = await followCutover(session, cutover);
  if (session.json) session.terminal.json(followed.cutover);
  return concludeCutover(session, followed);
}
