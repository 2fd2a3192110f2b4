import { Option } from 'commander';
import type { CutoverAnswer, CutoverDetail } from '../core/index.js';
import { addCommand, environmentOption, type Registry, type Session } from './command.js';
import { CommandFailure, type ExitCode } from './command-failure.js';
import { type ConfirmOptions, confirm, yesOption } from './confirm.js';
import { type CutoverOptions, cutoverBody, cutoverOptions } from './cutover-options.js';
import { concludeCutover, followCutover } from './follow-cutover.js';
import { ReplacedFile } from './replaced-file.js';
import { openRoutesInUse } from './routes-in-use.js';

interface ReplaceOptions extends CutoverOptions, ConfirmOptions {
  readonly from: string;
  readonly to: string;
  readonly environment: string;
  /** `--no-canary` makes it false. */
  readonly canary: boolean;
  readonly watch?: boolean;
  readonly dryRun?: boolean;
  readonly file?: string;
  readonly fileOnly?: boolean;
}

interface PreviewAnswer {
  readonly revision: number;
  readonly changes: readonly {
    readonly path: string;
    readonly before: string;
    readonly after: string;
  }[];
  readonly problems: readonly { readonly path: string; readonly message: string }[];
}

/** `keyferry routes replace-secret`: another secret in the place of one, judged by live traffic. */
export function addReplaceSecret(noun: Registry): void {
  addCommand<ReplaceOptions>(noun, {
    usage: 'replace-secret',
    summary: 'put another secret in the place of one in one environment, judged by live traffic',
    example: 'routes replace-secret --from stripe_api_key --to stripe_api_key_v2 -e staging',
    notes: [
      'Where the server follows a routes file, the file is edited when live traffic has verified the new secret;',
      'comments and layout stay. The server judges by itself: only that edit needs this command.',
    ],
    options: [
      new Option('--from <secret>', 'the secret that routes name now').makeOptionMandatory(),
      new Option('--to <secret>', 'the one to take its place').makeOptionMandatory(),
      environmentOption('the environment in which to do it'),
      new Option('--no-canary', 'all requests at once; the old one stays live for the window'),
      ...cutoverOptions(),
      new Option('--watch', 'show its steps until the new secret is in use'),
      new Option('--file <file>', 'where the routes file of the server is on this machine'),
      new Option('--file-only', 'edit the file alone: for a cutover under way, or rolled back'),
      new Option('--dry-run', 'show what would change, and change nothing'),
      yesOption(),
    ],
    act: replace,
  });
}

async function replace(session: Session, options: ReplaceOptions): Promise<ExitCode> {
  const { from, to, environment, fileOnly } = options;
  // After a rollback the file may still name the new one.
  const alike = [{ from: to, to: from, environment }];
  const routes = await openRoutesInUse(session, options.file, alike);
  const file =
    routes.file === undefined
      ? undefined
      : new ReplacedFile(session, routes.file, { from, to, environment });
  if (fileOnly === true) return editFile(session, options, file);
  const answer = await preview(session, options, file);
  if (options.dryRun === true) {
    if (session.json) session.terminal.json(answer);
    return answer.problems.length === 0 ? 0 : 2;
  }
  await confirm(session, options, `Put ${to} in the place of ${from} in ${environment}?`);
  const settings = options.canary ? options : { ...options, steps: [100] };
  const body = { from, to, environment, ...cutoverBody(settings) };
  const started = await session.api().post<CutoverDetail>('/v1/routes/replace-secret', body);
  return follow(session, options, started, file);
}

async function preview(
  session: Session,
  { from, to, environment }: ReplaceOptions,
  file: ReplacedFile | undefined,
): Promise<PreviewAnswer> {
  const { terminal, json } = session;
  const path = '/v1/routes/replace-secret/preview';
  const answer = await session.api().post<PreviewAnswer>(path, { from, to, environment });
  if (!json) {
    const { paint } = terminal;
    for (const { path: place, before, after } of answer.changes) {
      terminal.print(`~ ${place}`);
      terminal.print(`    - ${before}`, paint.red);
      terminal.print(`    + ${after}`, paint.green);
    }
    await file?.print();
  }
  if (answer.problems.length > 0) {
    throw new CommandFailure(`${to} cannot take the place of ${from} in ${environment}`, {
      exitCode: 2,
      problems: answer.problems,
    });
  }
  return answer;
}

async function follow(
  session: Session,
  options: ReplaceOptions,
  started: CutoverDetail,
  file: ReplacedFile | undefined,
): Promise<ExitCode> {
  const { terminal, json } = session;
  const { id } = started;
  if (!json) {
    terminal.print(`Cutover of ${options.from} to ${options.to} in ${options.environment}: ${id}`);
  }
  if (options.watch !== true && file === undefined) {
    if (json) terminal.json(started);
    else terminal.hint(`Watch it: keyferry cutover show ${id} --watch`);
    return 0;
  }
  const followed = await followCutover(session, started, undefined, async (cutover) => {
    if (cutover.hold?.reason === 'waiting_for_file') await file?.write();
  });
  const { cutover } = followed;
  if (cutover.state === 'ROLLED_BACK') await file?.takeBack();
  if (json) terminal.json(cutover);
  if (followed.left && file?.isWritten === false && !json) {
    terminal.hint('The routes file was not changed. When the cutover waits for it, say:');
    terminal.hint(`  keyferry routes replace-secret ${words(options)} --file-only`);
  }
  return concludeCutover(session, followed);
}

/** Only where a cutover decides what is used: else the file would bring the new one into use at once. */
async function editFile(
  session: Session,
  options: ReplaceOptions,
  file: ReplacedFile | undefined,
): Promise<ExitCode> {
  const { from, to, environment } = options;
  if (file === undefined) {
    throw new CommandFailure('--file-only is for a server that follows a routes file');
  }
  const cutovers = await session
    .api()
    .listPaged<CutoverAnswer>('/v1/cutovers', { environment }, NEWEST_CUTOVERS);
  const isDecided = cutovers.some(
    ({ secret, toSecret, state, endedAt }) =>
      (secret === from && toSecret === to && endedAt === null) ||
      (secret === to && toSecret === from && state === 'ROLLED_BACK'),
  );
  if (!isDecided) {
    throw new CommandFailure(
      `no cutover of ${from} to ${to} is under way in ${environment}, and none of ${to} to ${from} was rolled back`,
      { hints: [`Begin one: keyferry routes replace-secret ${words(options)}`] },
    );
  }
  if (!session.json) await file.print();
  if (options.dryRun === true) return 0;
  await confirm(session, options, `Write ${file.path}?`);
  await file.write();
  if (session.json) session.terminal.json({ file: file.path, from, to, environment });
  return 0;
}

/** Enough to find the last one of a pair. */
const NEWEST_CUTOVERS = 1000;

function words({ from, to, environment }: ReplaceOptions): string {
  return `--from ${from} --to ${to} --environment ${environment}`;
}
