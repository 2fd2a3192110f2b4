import type { FC } from 'hono/jsx';
import { DEFAULT_CUTOVER_SETTINGS, type RotationDetail } from '../core/index.js';
import { Allowed } from './allowed.js';
import { segment } from './api.js';
import { ConfirmedButton } from './confirmed-button.js';
import { Fact } from './fact.js';
import { Mark } from './mark.js';
import { Distance, describeMinutes, Moment } from './moment.js';
import { ROTATION_TONES } from './rotations.js';

/** How it is rotated, and what a person can do about it. */
export const AboutRotation: FC<{
  readonly rotation: RotationDetail;
  /** Whether a run is. */
  readonly isUnderWay: boolean;
  readonly nowMs: number;
}> = ({ rotation, isUnderWay, nowMs }) => {
  return (
    <section class="panel" aria-label="About this rotation">
      <dl class="summary">
        <Fact name="Status">
          <Mark tone={ROTATION_TONES[rotation.status]}>{rotation.status}</Mark>
        </Fact>
        <Fact name="Provider">{rotation.provider}</Fact>
        <Fact name="Schedule">{describeSchedule(rotation)}</Fact>
        <Fact name="Next run">
          <Moment at={rotation.nextRunAt} never={isUnderWay ? 'after this one' : 'not planned'} />{' '}
          {rotation.nextRunAt !== null && (
            <>
              (<Distance at={rotation.nextRunAt} nowMs={nowMs} />)
            </>
          )}
        </Fact>
        <Fact name="Both keys live">
          {describeMinutes(rotation.gracePeriodMinutes)}, then the old one is off
        </Fact>
        <Fact name="Old key off, not gone">{describeMinutes(rotation.soakMinutes)}</Fact>
        {rotation.propagationCheck !== null && (
          <Fact name="Propagation check">
            <code>{rotation.propagationCheck.endpoint}</code> answers{' '}
            {rotation.propagationCheck.expectedStatus}
          </Fact>
        )}
        <Fact name="New keys go live">{describeGoingLive(rotation)}</Fact>
        {rotation.keys.length > 0 && (
          <Fact name="Keys at the provider">
            {rotation.keys.map(({ version, state, keyId }) => (
              <div>
                v{version}: {state}
                {keyId !== null && ` (${keyId})`}
              </div>
            ))}
          </Fact>
        )}
      </dl>
      <details>
        <summary>Settings of the provider</summary>
        <pre>{JSON.stringify(rotation.config, null, 2)}</pre>
      </details>
      <Allowed to="operator">
        <Actions rotation={rotation} isUnderWay={isUnderWay} />
      </Allowed>
    </section>
  );
};

const Actions: FC<{ readonly rotation: RotationDetail; readonly isUnderWay: boolean }> = ({
  rotation,
  isUnderWay,
}) => {
  const path = `/rotations/${segment(rotation.id)}`;
  const what = `${rotation.secret} in ${rotation.environment}`;
  return (
    <>
      <div class="actions">
        {!isUnderWay && (
          <form method="post" action={`${path}/rotate`}>
            <ConfirmedButton
              id="rotate"
              text="Rotate now"
              title={`Rotate ${what} now?`}
              consequence="A new key is made, tried, and cut over to, judged by live traffic. If it is refused, the old one is used again by itself."
              submit="Make the new key"
              look="primary"
            />
          </form>
        )}
        <form method="post" action={`${path}/check`}>
          <button type="submit" class="secondary">
            Check
          </button>
        </form>
        <form method="post" action={`${path}/${rotation.state === 'paused' ? 'resume' : 'pause'}`}>
          <button type="submit" class="secondary">
            {rotation.state === 'paused' ? 'Resume' : 'Pause'}
          </button>
        </form>
        {!isUnderWay && (
          <form method="post" action={`${path}/disable`}>
            <ConfirmedButton
              id="disable"
              text="Disable"
              title={`Disable the rotation of ${what}?`}
              consequence="It is rotated no more by itself. The key in use stays as it is, here and at the provider. Schedule and settings go: it would have to be enabled anew."
              submit="Disable the rotation"
              look="danger"
            />
          </form>
        )}
      </div>
      {canHurry(rotation) && (
        <details>
          <summary>A key leaked?</summary>
          {isUnderWay && (
            <p class="quiet">
              The open run goes on as an emergency, and revokes the key of before. If the key that
              it made is the one that leaked, do it once more when the run has ended.
            </p>
          )}
          <form method="post" action={`${path}/rotate`}>
            <input type="hidden" name="emergency" value="yes" />
            <ConfirmedButton
              id="emergency"
              text="Rotate as an emergency"
              title={`Rotate ${what} as an emergency?`}
              consequence="A new key is made now, and the old one revoked as soon as one request has gone through, whoever still uses it."
              submit="Rotate and revoke"
              look="danger"
            >
              <label>
                Reason
                <input name="reason" required autofocus maxlength={500} />
                <small>It is kept with the run.</small>
              </label>
            </ConfirmedButton>
          </form>
        </details>
      )}
    </>
  );
};

/** What is being taken back comes to its end first. */
function canHurry({ run }: RotationDetail): boolean {
  const at = run?.resumesAs ?? run?.state;
  return at !== 'ROLLING_BACK' && at !== 'CLEANUP';
}

function describeGoingLive({ cutover }: RotationDetail): string {
  const { steps, stepMinSamples, stepMinSeconds, onRefusal, routes, clients } = {
    ...DEFAULT_CUTOVER_SETTINGS,
    ...cutover,
  };
  const first = [...(routes ?? []), ...(clients ?? [])];
  return [
    `in steps of ${steps.join(', ')} %`,
    `each with ${stepMinSamples} requests and ${stepMinSeconds} s at least`,
    ...(first.length === 0 ? [] : [`${first.join(', ')} first`]),
    ...(onRefusal === 'hold' ? ['a refusal waits for a person'] : []),
  ].join('; ');
}

function describeSchedule(rotation: RotationDetail): string {
  const { intervalDays, cron, timezone, window, jitterMinutes } = rotation;
  const when =
    cron !== null
      ? `cron ${cron}`
      : intervalDays === null
        ? 'before each key expires'
        : `every ${intervalDays} days`;
  const between =
    window === null ? '' : `, on ${window.days.join(', ')} from ${window.from} to ${window.until}`;
  const later = jitterMinutes === 0 ? '' : `, up to ${describeMinutes(jitterMinutes)} later`;
  return `${when}${between}${later} (${timezone})`;
}
