import type { Session } from './command.js';
import type { ExitCode } from './command-failure.js';
import { type ConfirmOptions, confirm } from './confirm.js';
import { concludeCutover, type Followed, followCutover } from './follow-cutover.js';
import { bringLive, type HandRotateOptions, type Held, stage } from './rotate-by-hand.js';
import { writeReport } from './rotation-report.js';
import { versionsPath } from './send-value.js';

interface EmergencyOptions extends HandRotateOptions, ConfirmOptions {
  readonly reason?: string;
}

/** One request that is accepted is enough, and the old version is live no longer than that. */
const AT_ONCE = { steps: [100], stepMinSamples: 1, stepMinSeconds: 0, windowMinutes: 0 };

/**
 * `rotate --emergency` where no provider knows the key: the new value goes live with the first verified request, and
 * the old version is revoked here. At its provider a person must do it, and is told so.
 */
export async function rotateInEmergency(
  session: Session,
  options: EmergencyOptions,
  secret: string,
  { currentVersion: old, routes }: Held,
): Promise<ExitCode> {
  const { terminal, json } = session;
  const { environment, report } = options;
  await confirm(
    session,
    options,
    `Bring a new value of ${secret} in ${environment} live at once, and revoke version ${old}, whoever still uses it?`,
  );
  if (routes.length === 0) {
    // Nobody uses it, so nobody can show that it works.
    const { version } = await stage(session, options, secret);
    await session.api().post(`${versionsPath(secret, environment)}/${version}/activate`);
    if (!json) terminal.print(`Version ${version} of ${secret} is current in ${environment}.`);
    return revokeOld(session, options, secret, old);
  }
  const followed = await toTheEnd(
    session,
    await bringLive(session, { ...options, ...AT_ONCE }, secret),
  );
  if (followed.left || followed.cutover.state !== 'COMPLETED') {
    if (json) terminal.json(followed.cutover);
    else warn(session, secret, environment, old);
    return concludeCutover(session, followed);
  }
  const exitCode = await revokeOld(session, options, secret, old);
  if (report !== undefined) await writeReport(session, followed.cutover.id, report);
  return exitCode;
}

async function toTheEnd(session: Session, followed: Followed): Promise<Followed> {
  const isCurrent = !followed.left && followed.cutover.state === 'CURRENT';
  return isCurrent ? followCutover(session, followed.cutover) : followed;
}

async function revokeOld(
  session: Session,
  { environment, reason = 'emergency: the key is known to others' }: EmergencyOptions,
  secret: string,
  old: number,
): Promise<ExitCode> {
  const { terminal, json } = session;
  const path = `${versionsPath(secret, environment)}/${old}/revoke`;
  const revoked = await session.api().post(path, { force: true, reason });
  if (json) terminal.json(revoked);
  else {
    terminal.print(`Version ${old} of ${secret} is revoked in ${environment}.`);
    terminal.warn(
      'at its provider the old key still works: revoke it there now. No rotation is enabled for it, so Keyferry cannot.',
    );
  }
  return 0;
}

function warn({ terminal }: Session, secret: string, environment: string, old: number): void {
  terminal.warn(
    `version ${old} of ${secret} in ${environment} is not revoked, and its key still works`,
  );
  terminal.hint(
    'If that is worse than an outage, revoke the key at its provider at once: requests that carry it then fail.',
  );
}
