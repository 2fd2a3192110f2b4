import type { RotationDetail } from '../core/index.js';
import type { Session } from './command.js';
import { CommandFailure } from './command-failure.js';
import { parseMoment } from './describe-time.js';
import { readValue, type ValueOptions } from './read-value.js';
import { rotationPath } from './rotation-words.js';
import { valueBody } from './send-value.js';

export interface GivenKey extends ValueOptions {
  readonly keyId?: string;
  readonly expires?: string;
}

/** Reads the new value and gives it to the run that waits for it. */
export async function giveValue(
  session: Session,
  { id, secret, environment, run }: RotationDetail,
  { keyId, expires, ...options }: GivenKey,
): Promise<RotationDetail> {
  if (run?.state !== 'AWAITING_VALUE') {
    const is = run === null ? 'there is none' : `it is ${run.state}`;
    throw new CommandFailure(`no run of ${secret} in ${environment} waits for a value (${is})`, {
      hints: [`Begin one: keyferry rotate ${secret} --environment ${environment}`],
    });
  }
  const expiresAt =
    expires === undefined ? undefined : parseMoment(expires, '--expires', 'future', session.nowMs);
  const given = await readValue(options, `${secret} in ${environment}`, session.terminal);
  const body = { ...valueBody(given), keyId, expiresAt };
  return session.api().post<RotationDetail>(`${rotationPath(id)}/value`, body);
}
