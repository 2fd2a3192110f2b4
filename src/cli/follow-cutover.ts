import type { CutoverAnswer, CutoverWithFigures } from '../core/index.js';
import type { Session } from './command.js';
import type { ExitCode } from './command-failure.js';
import { cutoverPath, oldName } from './cutover-names.js';
import { CutoverSteps } from './cutover-steps.js';
import { followEvents } from './follow-events.js';

export interface Followed {
  /** As it was seen last. */
  readonly cutover: CutoverWithFigures;
  /** The person stopped watching before it was where it was followed to. */
  readonly left: boolean;
}

/**
 * Shows a cutover's steps until the new version is current, or, where it is already, until the cutover has ended.
 * `onNews` is called for each change. With `--json` it shows nothing. Ctrl-C leaves the cutover alone.
 */
export async function followCutover(
  session: Session,
  start: CutoverAnswer,
  steps: CutoverSteps = new CutoverSteps(session.terminal, 0),
  onNews: (cutover: CutoverAnswer) => Promise<void> = async () => undefined,
): Promise<Followed> {
  const untilEnd = start.state === 'CURRENT';
  const seen = await followEvents<CutoverWithFigures>(session, cutoverPath(start.id), {
    what: 'cutover',
    isOver: ({ endedAt }) => endedAt !== null,
    async onNews(cutover) {
      if (!session.json) steps.show(cutover, untilEnd);
      await onNews(cutover);
      return cutover.state === 'CURRENT' && !untilEnd;
    },
  });
  if (seen === undefined) return { cutover: { ...start, waitsFor: [], figures: [] }, left: true };
  const there = seen.endedAt !== null || (seen.state === 'CURRENT' && !untilEnd);
  return { cutover: seen, left: !there };
}

/** Says what can be done next, and gives the exit code: 0 done, 2 rolled back, 1 left before it was decided. */
export function concludeCutover(session: Session, { cutover, left }: Followed): ExitCode {
  const { terminal, json } = session;
  const { id, state, secret, environment } = cutover;
  if (!json && left) {
    terminal.hint('The cutover goes on by itself. Watch it again, or end it:');
    terminal.hint(`  keyferry cutover show ${id} --watch`);
    terminal.hint(`  keyferry cutover rollback ${id}`);
  }
  if (left) return 1;
  if (state === 'ROLLED_BACK') {
    if (!json) terminal.hint(`See the figures: keyferry cutover show ${id}`);
    return 2;
  }
  if (json) return 0;
  if (state === 'CURRENT') {
    terminal.hint(
      `Until then the new version is still judged, and rolled back if it is refused. Go back by hand: keyferry cutover rollback ${id}`,
    );
  } else if (cutover.toSecret === null) {
    terminal.hint(
      `Take ${oldName(cutover)} out of use when nobody needs it any more: keyferry versions revoke ${secret} ${cutover.fromVersion} --environment ${environment}`,
    );
  } else {
    terminal.hint(
      `Delete ${secret} when no other environment needs it, 48 hours after its last use: keyferry secrets delete ${secret}`,
    );
  }
  return 0;
}
