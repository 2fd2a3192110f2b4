import { isRunEnded, type RotationDetail, type RunDetail } from '../core/index.js';
import type { Session } from './command.js';
import type { ExitCode } from './command-failure.js';
import { describeMoment } from './describe-time.js';
import { followEvents } from './follow-events.js';
import { describeMinutes, nextForRun } from './print-rotation.js';
import { placeWords, rotationPath } from './rotation-words.js';
import { RunSteps } from './run-steps.js';

/** States after the new version has become current. */
const AFTER_CUTOVER = ['GRACE', 'DISABLING', 'SOAK', 'REVOKING', 'DONE'];

/**
 * Shows the steps of the open run until the new version is current, or until its end, or until a person is needed; with
 * `--json` it shows nothing. Gives the rotation as it was seen last. Ctrl-C leaves the run alone.
 */
export async function followRun(
  session: Session,
  start: RotationDetail,
  untilEnd: boolean,
  steps: RunSteps = new RunSteps(session.terminal),
): Promise<RotationDetail> {
  const seen = await followEvents<RotationDetail>(session, rotationPath(start.id), {
    what: 'run',
    isOver: ({ run }) => run === null || isRunEnded(run.state),
    async onNews(rotation) {
      const { run } = rotation;
      // Another one has begun meanwhile: that one was not asked for.
      if (run === null || run.id !== start.run?.id) return true;
      if (!session.json) steps.show(rotation, run, untilEnd);
      return isThere(run, untilEnd);
    },
  });
  return seen ?? start;
}

/** Whether there is nothing more to be waited for. */
function isThere({ state }: RunDetail, untilEnd: boolean): boolean {
  if (isRunEnded(state) || state === 'NEEDS_ATTENTION' || state === 'AWAITING_VALUE') return true;
  return !untilEnd && AFTER_CUTOVER.includes(state);
}

/** Says what follows by itself and what a person may do; 0: the new version is in use, 2: it is not to be, 1: undecided. */
export function concludeRun(session: Session, rotation: RotationDetail): ExitCode {
  const { terminal, json } = session;
  const { run } = rotation;
  if (run === null) return 1;
  const isCurrent = AFTER_CUTOVER.includes(run.state);
  const isBad = ['FAILED', 'ROLLED_BACK', 'ROLLING_BACK', 'CLEANUP', 'NEEDS_ATTENTION'];
  const exitCode = isCurrent ? 0 : isBad.includes(run.state) ? 2 : 1;
  if (json) return exitCode;
  const place = placeWords(rotation);
  for (const line of nextForRun(rotation, run)) terminal.hint(line);
  if (isRunEnded(run.state)) return exitCode;
  if (isCurrent) {
    terminal.print(`Every request takes version ${run.toVersion}. What follows by itself:`);
    for (const line of whatFollows(rotation, run)) terminal.print(`  ${line}`);
    terminal.hint(
      `Go back as long as the old key can be had back: keyferry rotation rollback ${place}`,
    );
  } else if (exitCode === 1 && run.state !== 'AWAITING_VALUE') {
    terminal.hint('The run goes on by itself.');
  }
  terminal.hint(`Follow it: keyferry rotation show ${place} --watch`);
  return exitCode;
}

function whatFollows(
  { soakMinutes, provider }: RotationDetail,
  { state, deadlineAt }: RunDetail,
): string[] {
  const until = describeMoment(deadlineAt);
  switch (state) {
    case 'REVOKING':
      return ['the old key is being revoked'];
    case 'SOAK':
      return [`the old key is off, and revoked ${until}`];
    default:
      return [
        ...(state === 'GRACE' && deadlineAt !== null ? [`both keys stay live until ${until}`] : []),
        'then, when nobody uses it any more, the old key is taken out of use:',
        `disabled where ${provider} can do that, and revoked ${soakMinutes === 0 ? 'at once' : `${describeMinutes(soakMinutes)} later`}`,
      ];
  }
}
