import type { AlertFinding, AlertKind } from './alert.js';
import { type NotificationMessage, titleOf } from './notification.js';
import type { RotationRun } from './rotation.js';

/** Kinds whose cause is the state of a run: of these, what the run is not in any more is over. */
export const KINDS_OF_RUNS = [
  'rotation_needs_attention',
  'rotation_awaiting_value',
  'key_used_elsewhere',
] as const satisfies readonly AlertKind[];

type Told = Pick<AlertFinding, 'kind' | 'urgency' | 'summary' | 'whatToDo' | 'command'>;

/** What a run in this state needs of a person; undefined for nothing. */
export function alertOfRun(run: RotationRun, nowMs: number): AlertFinding | undefined {
  const told = toldOf(run);
  if (told === undefined) return undefined;
  const { id, secret, environment, toVersion } = run;
  const version = toVersion === null ? {} : { version: toVersion };
  return { ...told, ...version, subject: id, secret, environment, sinceMs: nowMs, count: 1 };
}

function toldOf(run: RotationRun): Told | undefined {
  const { secret, environment, problem, reason, attempts, trigger } = run;
  const what = `${secret} in ${environment}`;
  const target = `${secret} --environment ${environment}`;
  switch (run.state) {
    case 'FAILED':
      return {
        kind: 'rotation_failed',
        urgency: 'urgent',
        summary: withWhy(`The rotation of ${what} failed.`, reason ?? problem),
        whatToDo:
          'Requests go on with the key in use, which was not touched. Mend the cause, then rotate again; the command shows each step.',
        command: `keyferry rotation history ${target}`,
      };
    case 'ROLLED_BACK':
      return {
        kind: 'rotation_rolled_back',
        urgency: 'urgent',
        summary: withWhy(`The rotation of ${what} was rolled back.`, reason ?? problem),
        whatToDo:
          'Requests go on with the key of before. Look at why the new one was not taken, then rotate again; the command shows each step.',
        command: `keyferry rotation history ${target}`,
      };
    case 'NEEDS_ATTENTION':
      return {
        kind: 'rotation_needs_attention',
        urgency: 'urgent',
        summary: withWhy(`The rotation of ${what} stands still until somebody decides.`, problem),
        whatToDo: `Mend the cause, then resume the run with this command; or go back to the key of before: keyferry rotation rollback ${target}`,
        command: `keyferry rotation resume ${target}`,
      };
    case 'AWAITING_VALUE':
      return {
        kind: 'rotation_awaiting_value',
        urgency: 'warning',
        summary: withWhy(`The rotation of ${what} waits for the new value.`, problem),
        whatToDo: 'Make the new key at the provider, and give it to Keyferry: it does the rest.',
        command: `keyferry rotation value ${target}`,
      };
    case 'CUTOVER':
      return problem === null || trigger !== 'emergency' ? undefined : stopped(what, run);
    case 'GRACE':
    case 'DISABLING':
      if (problem === null) return undefined;
      // It asks nobody who uses the old key.
      if (trigger === 'emergency' && run.state === 'GRACE') return stopped(what, run);
      // Asked in vain whether it is used, or to disable it.
      if (attempts > 0) {
        return {
          kind: 'rotation_needs_attention',
          urgency: 'warning',
          summary: withWhy(`The old key of ${what} could not be taken out of use yet.`, problem),
          whatToDo:
            'The new key is in use, and the provider is asked again for days. If it goes on failing, look there for the cause.',
          command: `keyferry rotation show ${target}`,
        };
      }
      return {
        kind: 'key_used_elsewhere',
        urgency: 'warning',
        summary: withWhy(`The old key of ${what} cannot be disabled or revoked yet.`, problem),
        whatToDo:
          'The new key is in use already, and the run goes on by itself when the old one is quiet. Whoever still uses the old one must move to the new one.',
        command: `keyferry secrets show ${secret}`,
      };
    case 'ROLLING_BACK':
    case 'CLEANUP':
      if (problem === null) return undefined;
      return {
        kind: 'rotation_needs_attention',
        urgency: 'warning',
        summary: withWhy(`The new key of ${what} could not be taken back yet.`, problem),
        whatToDo:
          'Requests go on with the key of before, and taking the new one back is tried again. It may live at the provider until then.',
        command: `keyferry rotation show ${target}`,
      };
    case 'REVOKING':
      if (problem === null) return undefined;
      return {
        kind: 'rotation_needs_attention',
        urgency: 'warning',
        summary: withWhy(`The old key of ${what} could not be revoked yet.`, problem),
        whatToDo:
          'The new key is in use, and revoking is tried again for days. If the provider goes on refusing, revoke the old key there by hand.',
        command: `keyferry rotation show ${target}`,
      };
    default:
      return undefined;
  }
}

/** An emergency that its cutover holds up. */
function stopped(what: string, { secret, environment, problem }: RotationRun): Told {
  return {
    kind: 'rotation_needs_attention',
    urgency: 'urgent',
    summary: withWhy(`The emergency of ${what} does not go on, and the old key works.`, problem),
    whatToDo:
      'Do what it says: it goes on by itself then. Where the new key is no good, roll the run back.',
    command: `keyferry rotation show ${secret} --environment ${environment}`,
  };
}

/** Sentences: what a state says of itself may be without an end, or missing. */
function withWhy(what: string, why: string | null): string {
  const said = why?.trim() ?? '';
  if (said === '') return what;
  return `${what} ${said}${/[.!?:]$/.test(said) ? '' : '.'}`;
}

/** What channels are told of a run that has succeeded. */
export function successOf(run: RotationRun, nowMs: number): NotificationMessage {
  const { id, secret, environment, reason } = run;
  return {
    event: 'rotation_succeeded',
    subject: id,
    urgency: 'notice',
    alertId: null,
    secret,
    environment,
    title: titleOf('rotation_succeeded', { secret, environment }),
    summary: withWhy(`${secret} in ${environment} was rotated.`, reason),
    whatToDo: 'Nothing.',
    command: `keyferry rotation history ${secret} --environment ${environment}`,
    atMs: nowMs,
  };
}
