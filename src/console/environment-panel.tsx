import type { FC } from 'hono/jsx';
import type { ConsumerAnswer, SecretDetail, UsageAnswer, VersionAnswer } from '../core/index.js';
import { type ApiProblem, segment } from './api.js';
import { AGE_TONES, Mark, VERSION_TONES } from './mark.js';
import { Distance, Moment } from './moment.js';
import { ProblemNotice } from './problem-notice.js';

export interface EnvironmentPanelProps {
  readonly secret: SecretDetail;
  readonly environment: string;
  /** Newest first. */
  readonly versions: readonly VersionAnswer[];
  readonly nowMs: number;
  readonly problem: ApiProblem | undefined;
}

/** One environment of a secret: its versions as a timeline, who uses it, and what can be done. */
export const EnvironmentPanel: FC<EnvironmentPanelProps> = (props) => {
  const { secret, environment, versions, nowMs, problem } = props;
  const held = secret.environments.find((one) => one.environment === environment);
  const routes = secret.routesByEnvironment[environment] ?? [];
  const staged = versions.filter(({ state }) => state === 'staged' || state === 'previous');
  return (
    <section class="panel" id={environment} aria-labelledby={`${environment}-title`}>
      <h2 id={`${environment}-title`}>
        {environment}{' '}
        {held?.mark !== null && held?.mark !== undefined && (
          <Mark tone={AGE_TONES[held.mark]}>{`${held.mark}, ${held.ageDays} d old`}</Mark>
        )}
        {held?.currentVersion == null && routes.length > 0 && (
          <Mark tone="bad">no value, and routes need one</Mark>
        )}
        {held?.cutover != null && (
          <a href={`/cutovers/${segment(held.cutover.id)}`}>
            <Mark tone="warn">{`cutover under way, ${held.cutover.percent} %`}</Mark>
          </a>
        )}
      </h2>
      <ProblemNotice problem={problem} />
      {versions.length === 0 ? (
        <p class="quiet">No value here yet. The first one is current at once.</p>
      ) : (
        <Versions {...props} />
      )}
      {held !== undefined && held.consumers.length > 0 && (
        <Consumers items={held.consumers} nowMs={nowMs} />
      )}
      <details open={versions.length === 0}>
        <summary>{versions.length === 0 ? 'Add the first value' : 'Add a version'}</summary>
        <form method="post" action={`${pathOf(secret.name, environment)}/versions`} class="row">
          <label>
            Value
            <input type="password" name="value" required autocomplete="off" />
          </label>
          <label>
            Note
            <input name="note" maxlength={500} placeholder="where it was made, by whom" />
          </label>
          <button type="submit">Add version</button>
        </form>
      </details>
      {staged.length > 0 && held?.currentVersion != null && held.cutover === null && (
        <StartCutover secret={secret.name} environment={environment} versions={staged} />
      )}
    </section>
  );
};

const Versions: FC<EnvironmentPanelProps> = ({ secret, environment, versions, nowMs }) => (
  <div class="scrolls" tabindex={0}>
    <table>
      <thead>
        <tr>
          <th scope="col">Version</th>
          <th scope="col">State</th>
          <th scope="col">Made</th>
          <th scope="col">Last used</th>
          <th scope="col" class="number">
            Accepted
          </th>
          <th scope="col" class="number">
            Refused
          </th>
          <th scope="col">Safe to revoke</th>
          <th scope="col">
            <span class="quiet">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {versions.map((version) => {
          const used = secret.usage.filter(
            (row) => row.environment === environment && row.version === version.version,
          );
          return (
            <tr>
              <th scope="row">
                v{version.version}
                {version.note !== null && <div class="quiet small">{version.note}</div>}
              </th>
              <td>
                <Mark tone={VERSION_TONES[version.state]}>{version.state}</Mark>
                {version.expiresAt !== null && (
                  <div class="small">
                    expires <Distance at={version.expiresAt} nowMs={nowMs} />
                  </div>
                )}
              </td>
              <td>
                <Moment at={version.createdAt} />
                <div class="quiet small">{version.createdBy}</div>
              </td>
              <td>
                <Distance at={version.lastUsedAt} nowMs={nowMs} />
              </td>
              <td class="number">{total(used, 'accepted')}</td>
              <td class="number">{total(used, 'refused')}</td>
              <td class="small">
                <Safety version={version} nowMs={nowMs} />
              </td>
              <td>
                <Actions secret={secret.name} environment={environment} version={version} />
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  </div>
);

const Safety: FC<{ readonly version: VersionAnswer; readonly nowMs: number }> = ({
  version: { safeToRevoke },
  nowMs,
}) => {
  if (safeToRevoke === null || safeToRevoke === undefined) return <span class="quiet">–</span>;
  const { safe, reasons, safeFrom } = safeToRevoke;
  return (
    <>
      <Mark tone={safe ? 'good' : 'quiet'}>{safe ? 'yes' : 'no'}</Mark>{' '}
      {reasons.map(({ message }) => message).join('; ')}
      {!safe && safeFrom !== null && (
        <>
          {' '}
          (<Distance at={safeFrom} nowMs={nowMs} />)
        </>
      )}
    </>
  );
};

const Actions: FC<{
  readonly secret: string;
  readonly environment: string;
  readonly version: VersionAnswer;
}> = ({ secret, environment, version: { version, state, safeToRevoke } }) => {
  const path = `${pathOf(secret, environment)}/versions/${version}`;
  const name = `version ${version} of ${secret} in ${environment}`;
  return (
    <div class="actions">
      {(state === 'staged' || state === 'previous') && (
        <form method="post" action={`${path}/activate`}>
          <button
            type="submit"
            class="secondary"
            data-confirm={`All requests take ${name} from now on, without a canary. The one in use now stays as previous.`}
          >
            Activate
          </button>
        </form>
      )}
      {state !== 'current' && state !== 'revoked' && state !== 'destroyed' && (
        <form method="post" action={`${path}/revoke`} class="row">
          {safeToRevoke?.safe === false && (
            <input name="reason" placeholder="reason, to override" aria-label="Reason" />
          )}
          <button
            type="submit"
            class="danger"
            data-confirm={`Revoke ${name}? It can never be used again.`}
          >
            Revoke
          </button>
        </form>
      )}
    </div>
  );
};

const Consumers: FC<{ readonly items: readonly ConsumerAnswer[]; readonly nowMs: number }> = ({
  items,
  nowMs,
}) => (
  <details open>
    <summary>Used by {items.length === 1 ? 'one consumer' : `${items.length} consumers`}</summary>
    <div class="scrolls" tabindex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">Route</th>
            <th scope="col">Client</th>
            <th scope="col">Version</th>
            <th scope="col">Last used</th>
          </tr>
        </thead>
        <tbody>
          {items.map(({ route, applied, client, version, lastUsedAt }) => (
            <tr>
              <td>
                {route} {!applied && <Mark tone="quiet">no longer applied</Mark>}
              </td>
              <td>{client ?? <span class="quiet">nobody yet</span>}</td>
              <td>{version === null ? '–' : `v${version}`}</td>
              <td>
                <Distance at={lastUsedAt} nowMs={nowMs} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  </details>
);

const StartCutover: FC<{
  readonly secret: string;
  readonly environment: string;
  readonly versions: readonly VersionAnswer[];
}> = ({ secret, environment, versions }) => (
  <details>
    <summary>Cut over, judged by live traffic</summary>
    <form method="post" action={`${pathOf(secret, environment)}/cutovers`}>
      <div class="tiles">
        <label>
          To version
          <select name="toVersion">
            {versions.map(({ version, state }) => (
              <option value={version}>{`v${version} (${state})`}</option>
            ))}
          </select>
        </label>
        <label>
          Steps, in percent
          <input name="steps" value="10, 100" pattern="[0-9, ]+" />
        </label>
        <label>
          Requests per step, at least
          <input name="stepMinSamples" type="number" min="1" value="50" />
        </label>
        <label>
          Seconds per step, at least
          <input name="stepMinSeconds" type="number" min="0" value="60" />
        </label>
        <label>
          Old version stays live, minutes
          <input name="windowMinutes" type="number" min="0" value="2880" />
        </label>
      </div>
      <p class="quiet small">
        If the upstream refuses the new version and takes the old one, Keyferry goes back by itself.
      </p>
      <button type="submit">Start cutover</button>
    </form>
  </details>
);

function pathOf(secret: string, environment: string): string {
  return `/secrets/${segment(secret)}/environments/${segment(environment)}`;
}

function total(rows: readonly UsageAnswer[], what: 'accepted' | 'refused'): string {
  return rows.reduce((sum, row) => sum + row[what], 0).toLocaleString('en');
}
