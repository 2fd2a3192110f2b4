import type { FC } from 'hono/jsx';
import type { UsageAnswer, VersionAnswer } from '../core/index.js';
import { Allowed } from './allowed.js';
import { segment } from './api.js';
import { ConfirmedButton } from './confirmed-button.js';
import { Mark, VERSION_TONES } from './mark.js';
import { Distance, Moment } from './moment.js';
import { Prose } from './prose.js';

/** Older ones are there, folded. */
const SHOWN = 8;

export interface VersionTimelineProps {
  readonly secret: string;
  readonly environment: string;
  /** Newest first. */
  readonly versions: readonly VersionAnswer[];
  /** While one is under way nothing else moves the pointer. */
  readonly hasCutover: boolean;
  /** Of this environment. */
  readonly usage: readonly UsageAnswer[];
  readonly nowMs: number;
}

/** The versions of an environment, newest first: state, use, whether each can go, and what can be done with it. */
export const VersionTimeline: FC<VersionTimelineProps> = (props) => {
  const older = props.versions.slice(SHOWN);
  return (
    <>
      <Items {...props} versions={props.versions.slice(0, SHOWN)} />
      {older.length > 0 && (
        <details>
          <summary>
            {older.length === 1 ? 'One older version' : `${older.length} older versions`}
          </summary>
          <Items {...props} versions={older} />
        </details>
      )}
    </>
  );
};

const Items: FC<VersionTimelineProps> = ({ versions, usage, nowMs, ...place }) => (
  <ol class="timeline">
    {versions.map((version) => (
      <li class={version.state}>
        <div>
          <p>
            <strong>v{version.version}</strong>{' '}
            <Mark tone={VERSION_TONES[version.state]}>{version.state}</Mark>{' '}
            {version.note !== null && <span>{version.note}</span>}
          </p>
          <p class="small">
            <Use rows={usage.filter((row) => row.version === version.version)} />
            last used <Distance at={version.lastUsedAt} nowMs={nowMs} />
            {version.expiresAt !== null && (
              <>
                {' · '}expires <Distance at={version.expiresAt} nowMs={nowMs} />
              </>
            )}
          </p>
          <Safety version={version} nowMs={nowMs} />
          <p class="small quiet">
            made <Moment at={version.createdAt} /> by {version.createdBy}
            {version.activatedAt !== null && (
              <>
                {' · '}in use from <Moment at={version.activatedAt} />
              </>
            )}
            {version.providerKey?.keyId != null &&
              ` · key ${version.providerKey.keyId}, ${version.providerKey.state}`}
          </p>
        </div>
        <Allowed to="operator">
          <Actions {...place} version={version} />
        </Allowed>
      </li>
    ))}
  </ol>
);

const Use: FC<{ readonly rows: readonly UsageAnswer[] }> = ({ rows }) => {
  if (rows.length === 0) return null;
  const total = (what: 'accepted' | 'refused' | 'failed'): string =>
    rows.reduce((sum, row) => sum + row[what], 0).toLocaleString('en');
  return (
    <>
      {total('accepted')} accepted, {total('refused')} refused, {total('failed')} failed ·{' '}
    </>
  );
};

const Safety: FC<{ readonly version: VersionAnswer; readonly nowMs: number }> = ({
  version: { state, safeToRevoke },
  nowMs,
}) => {
  if (safeToRevoke === null || safeToRevoke === undefined || state === 'current') return null;
  const { safe, reasons, safeFrom } = safeToRevoke;
  return (
    <p class="small">
      <Mark tone={safe ? 'good' : 'quiet'}>{safe ? 'safe to revoke' : 'not safe to revoke'}</Mark>{' '}
      <Reasons of={reasons} />
      {!safe && safeFrom !== null && (
        <>
          {' '}
          (<Distance at={safeFrom} nowMs={nowMs} />)
        </>
      )}
    </p>
  );
};

const Reasons: FC<{ readonly of: readonly { readonly message: string }[] }> = ({ of: reasons }) => (
  <>
    {reasons.map(({ message }, index) => (
      <>
        {index > 0 && '; '}
        <Prose text={message} />
      </>
    ))}
  </>
);

const Actions: FC<{
  readonly secret: string;
  readonly environment: string;
  readonly hasCutover: boolean;
  readonly version: VersionAnswer;
}> = ({ secret, environment, hasCutover, version: { version, state, safeToRevoke } }) => {
  const place = `/secrets/${segment(secret)}/environments/${segment(environment)}`;
  const path = `${place}/versions/${version}`;
  const name = `version ${version} of ${secret} in ${environment}`;
  if (state === 'current' || state === 'destroyed') return <div />;
  if (state === 'revoked') {
    return (
      <div class="actions">
        <form method="post" action={`${path}/destroy`}>
          <ConfirmedButton
            id={`destroy_${environment}_${version}`}
            text="Destroy"
            label={`Destroy ${name}`}
            consequence="Its value is erased for good. That it was there stays on record."
            submit={`Destroy version ${version}`}
            look="danger"
          />
        </form>
      </div>
    );
  }
  return (
    <div class="actions">
      {!hasCutover && (
        <form method="post" action={`${path}/activate`}>
          <ConfirmedButton
            id={`activate_${environment}_${version}`}
            text="Activate"
            label={`Activate ${name}`}
            consequence="All requests take it from now on, without a canary. The version in use now stays as the previous one."
            submit={`Activate version ${version}`}
            look="secondary"
          />
        </form>
      )}
      <form method="post" action={`${path}/revoke`}>
        <ConfirmedButton
          id={`revoke_${environment}_${version}`}
          text="Revoke"
          label={`Revoke ${name}`}
          consequence="It can never be used again: requests that would take it are not sent."
          submit={`Revoke version ${version}`}
          look="danger"
        >
          {safeToRevoke?.safe === false && (
            <>
              <p class="notice warn">
                It is not safe to revoke: <Reasons of={safeToRevoke.reasons} />.
              </p>
              <label>
                Why it is to be revoked all the same
                <input name="reason" required autofocus maxlength={500} />
                <small>It is kept in the audit log.</small>
              </label>
            </>
          )}
        </ConfirmedButton>
      </form>
    </div>
  );
};
