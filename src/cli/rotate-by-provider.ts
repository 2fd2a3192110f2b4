import {
  isRunEnded,
  type RotationAnswer,
  type RotationDetail,
  type RunAnswer,
} from '../core/index.js';
import type { Session } from './command.js';
import { CommandFailure, type ExitCode } from './command-failure.js';
import { confirm } from './confirm.js';
import { describeMoment } from './describe-time.js';
import { findRotation } from './find-rotation.js';
import { concludeRun, followRun } from './follow-run.js';
import { giveValue } from './give-value.js';
import type { ValueOptions } from './read-value.js';
import { placeWords, rotationPath } from './rotation-words.js';
import { writeRunReport } from './run-report.js';
import { RunSteps } from './run-steps.js';

export interface ProviderRotateOptions extends ValueOptions {
  readonly emergency?: boolean;
  readonly reason?: string;
  readonly yes?: boolean;
  readonly detach?: boolean;
  readonly wait?: boolean;
  readonly report?: string;
}

/** `rotate` where a provider makes the new key: begins a run and shows its steps. */
export async function rotateByProvider(
  session: Session,
  { id, secret, environment, provider, run: before }: RotationAnswer,
  options: ProviderRotateOptions,
): Promise<ExitCode> {
  const { json, terminal } = session;
  const { emergency = false, reason, detach = false, wait = false, report } = options;
  const open = before === null || isRunEnded(before.state) ? undefined : before;
  if (emergency) {
    const what =
      open === undefined
        ? `Replace ${secret} in ${environment} now`
        : `Let the open run of ${secret} in ${environment} (${open.state}) go on as an emergency`;
    const question = `${what}, and revoke the key of before at ${provider} at once, whoever still uses it?`;
    await confirm(session, options, question);
  }
  const body = { emergency: emergency ? true : undefined, reason };
  const started = await begin(session, id, body, { secret, environment });
  if (emergency && open !== undefined) tellOfTakingOver(session, open);
  if (detach) {
    if (json) terminal.json(started);
    else {
      terminal.print(`Begun: ${provider} makes a new key of ${secret} in ${environment}.`);
      terminal.hint(`Follow it: keyferry rotation show ${placeWords(started)} --watch`);
    }
    return 0;
  }
  // An emergency is over when the old key is gone, and that is soon.
  const untilEnd = wait || emergency;
  const steps = new RunSteps(terminal);
  let rotation = await followRun(session, started, untilEnd, steps);
  if (rotation.run?.state === 'AWAITING_VALUE' && canGive(session, options)) {
    const given = await giveValue(session, rotation, options);
    rotation = await followRun(session, given, untilEnd, steps);
  }
  if (json) terminal.json(rotation);
  const exitCode = concludeRun(session, rotation);
  if (report !== undefined) await writeRunReport(session, rotation, report);
  return exitCode;
}

async function begin(
  session: Session,
  id: string,
  body: Record<string, unknown>,
  place: { readonly secret: string; readonly environment: string },
): Promise<RotationDetail> {
  try {
    return await session.api().post<RotationDetail>(`${rotationPath(id)}/rotate`, body);
  } catch (error) {
    if (!(error instanceof CommandFailure) || error.code !== 'conflict') throw error;
    const { message, exitCode, code, problems } = error;
    const found = await findRotation(session.api(), place.secret, place);
    throw new CommandFailure(message, { exitCode, code, problems, hints: hintsFor(found) });
  }
}

/** Which key goes, and what to do if it is the other one that others know. */
function tellOfTakingOver(
  { terminal }: Session,
  { state, fromVersion, toVersion, startedAt }: RunAnswer,
): void {
  terminal.hint(
    `The run of ${describeMoment(startedAt)} was open (${state}): it goes on as an emergency.`,
  );
  if (toVersion === null) return;
  terminal.hint(
    `It replaces version ${fromVersion ?? 'none'}. If version ${toVersion}, which it made, is the one that others know: once more when it has ended.`,
  );
}

/** Why another run cannot be begun, and what makes room for it. */
function hintsFor({ run, state, ...rotation }: RotationDetail): string[] {
  const words = placeWords(rotation);
  if (run === null || isRunEnded(run.state)) {
    return state === 'paused' ? [`Let it go on: keyferry rotation resume ${words}`] : [];
  }
  const isGrace = run.cutoverId !== null && run.state === 'GRACE';
  return [
    `See it: keyferry rotation show ${words}`,
    ...(isGrace ? [`End its grace period: keyferry cutover complete ${words}`] : []),
    `Go back to the old key: keyferry rotation rollback ${words}`,
  ];
}

/** A person is there, or the value was brought along. */
function canGive({ terminal, json }: Session, options: ProviderRotateOptions): boolean {
  const brought = [options.valueFile, options.fields, options.field].some((it) => it !== undefined);
  return brought || (terminal.isInteractive && !json);
}
