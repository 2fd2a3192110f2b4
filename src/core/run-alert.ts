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
  const { secret, environment, problem, reason } = run;
  const what = `${secret} in ${environment}`;
  const target = `${secret} --environment ${environment}`;
  switch (run.state) {
    case 'FAILED':
      return {
        kind: 'rotation_failed',
        urgency: 'urgent',
        summary: `The rotation of ${what} failed: ${reason ?? 'no reason is known'}`,
        whatToDo:
          'Requests go on with the key in use, which was not touched. Mend the cause, then rotate again.',
        command: `keyferry rotation history ${target}`,
      };
    case 'ROLLED_BACK':
      return {
        kind: 'rotation_rolled_back',
        urgency: 'urgent',
        summary: `The rotation of ${what} was rolled back: ${reason ?? 'no reason is known'}`,
        whatToDo:
          'Requests go on with the key of before; the new one is gone. Look at why it was not taken, then rotate again.',
        command: `keyferry rotation history ${target}`,
      };
    case 'NEEDS_ATTENTION':
      return {
        kind: 'rotation_needs_attention',
        urgency: 'urgent',
        summary: `The rotation of ${what} stands still: ${problem ?? 'no reason is known'}`,
        whatToDo:
          'Do what it says, then resume the run; or roll it back with keyferry rotation rollback.',
        command: `keyferry rotation resume ${target}`,
      };
    case 'AWAITING_VALUE':
      return {
        kind: 'rotation_awaiting_value',
        urgency: 'warning',
        summary: `The rotation of ${what} waits for the new value. ${problem ?? ''}`.trimEnd(),
        whatToDo: 'Make the new key at the provider, and give it to Keyferry: it does the rest.',
        command: `keyferry rotation value ${target}`,
      };
    case 'GRACE':
    case 'DISABLING':
      if (problem === null) return undefined;
      return {
        kind: 'key_used_elsewhere',
        urgency: 'warning',
        summary: `The old key of ${what} is still in use. ${problem}`,
        whatToDo:
          'Nothing is disabled while it is used; the run goes on by itself when it is quiet. Move who uses it to the new key.',
        command: `keyferry secrets show ${secret}`,
      };
    case 'REVOKING':
      if (problem === null) return undefined;
      return {
        kind: 'rotation_needs_attention',
        urgency: 'warning',
        summary: `The old key of ${what} could not be revoked yet. ${problem}`,
        whatToDo:
          'The new key is in use, and revoking is tried again for days. If the provider goes on refusing, revoke the old key there by hand.',
        command: `keyferry rotation show ${target}`,
      };
    default:
      return undefined;
  }
}

/** What channels are told of a run that has succeeded. */
export function successOf(run: RotationRun, nowMs: number): NotificationMessage {
  const { id, secret, environment, fromVersion, toVersion } = run;
  const old = fromVersion === null ? '' : `, version ${fromVersion} is revoked`;
  return {
    event: 'rotation_succeeded',
    subject: id,
    urgency: 'notice',
    alertId: null,
    secret,
    environment,
    title: titleOf('rotation_succeeded', { secret, environment }),
    summary:
      `${secret} in ${environment} was rotated: version ${toVersion} is in use${old}. ${run.reason ?? ''}`.trimEnd(),
    whatToDo: 'Nothing.',
    command: `keyferry rotation history ${secret} --environment ${environment}`,
    atMs: nowMs,
  };
}
