import type { FC } from 'hono/jsx';
import type {
  ConsumerAnswer,
  CutoverWithFigures,
  RotationOfSecret,
  SecretDetail,
  UsageHistoryAnswer,
  VersionAnswer,
} from '../core/index.js';
import { Allowed } from './allowed.js';
import { type ApiProblem, segment } from './api.js';
import { ConfirmedButton } from './confirmed-button.js';
import { CutoverLive } from './cutover-live.js';
import type { SentForm } from './form.js';
import { AGE_TONES, Mark } from './mark.js';
import { Distance } from './moment.js';
import { ProblemNotice } from './problem-notice.js';
import { ROTATION_TONES } from './rotations.js';
import { StartCutover } from './start-cutover.js';
import type { ChartSpan } from './use-over-time.js';
import { VersionTimeline } from './version-timeline.js';
import { VersionUse } from './version-use.js';

/** What was asked and refused: what was typed is shown again, values never. */
export interface RefusedForm {
  readonly environment: string;
  readonly problem: ApiProblem;
  readonly form?: SentForm | undefined;
}

export interface EnvironmentPanelProps {
  readonly secret: SecretDetail;
  readonly environment: string;
  /** Newest first. */
  readonly versions: readonly VersionAnswer[];
  /** The one under way. */
  readonly cutover: CutoverWithFigures | undefined;
  /** Of this secret over time. */
  readonly use: UsageHistoryAnswer;
  readonly span: ChartSpan;
  readonly nowMs: number;
  /** In this environment. */
  readonly refused: RefusedForm | undefined;
}

/** One environment of a secret: its versions as a timeline, who uses it, and what can be done. */
export const EnvironmentPanel: FC<EnvironmentPanelProps> = (props) => {
  const { secret, environment, versions, cutover, use, span, nowMs, refused } = props;
  const held = secret.environments.find((one) => one.environment === environment);
  const routes = secret.routesByEnvironment[environment] ?? [];
  const candidates = versions.filter(({ state }) => state === 'staged' || state === 'previous');
  const hasCurrent = held !== undefined && held.currentVersion !== null;
  const title = `${environment}_title`;
  return (
    <section class="panel" id={environment} aria-labelledby={title}>
      <header>
        <h2 id={title}>
          {environment}{' '}
          {held !== undefined && held.mark !== null && (
            <Mark tone={AGE_TONES[held.mark]}>{`${held.mark}, ${held.ageDays} d old`}</Mark>
          )}
          {!hasCurrent && routes.length > 0 && (
            <Mark tone="bad">no value, and routes need one</Mark>
          )}
        </h2>
        {hasCurrent && (
          <Rotated
            rotation={held.rotation}
            secret={secret.name}
            environment={environment}
            nowMs={nowMs}
          />
        )}
      </header>
      <ProblemNotice problem={refused?.problem} />
      {cutover !== undefined && (
        <section aria-label={`The cutover in ${environment}`}>
          <h3>
            <a href={`/cutovers/${segment(cutover.id)}`}>Cutover under way</a>
          </h3>
          <CutoverLive cutover={cutover} />
        </section>
      )}
      {versions.length === 0 ? (
        <p class="quiet">No value here yet. The first one is current at once.</p>
      ) : (
        <VersionTimeline
          secret={secret.name}
          environment={environment}
          versions={versions}
          hasCutover={cutover !== undefined}
          usage={secret.usage.filter((row) => row.environment === environment)}
          nowMs={nowMs}
        />
      )}
      <Allowed to="operator">
        <AddVersion
          secret={secret.name}
          environment={environment}
          isFirst={versions.length === 0}
          form={refused?.form}
        />
        {candidates.length > 0 && hasCurrent && held.cutover === null && (
          <>
            <StartCutover
              secret={secret.name}
              environment={environment}
              versions={candidates}
              form={refused?.form}
              problem={refused?.problem}
            />
            {held.previousVersion !== null && (
              <form method="post" action={`${pathOf(secret.name, environment)}/rollback`}>
                <ConfirmedButton
                  id={`rollback_${environment}`}
                  text={`Roll back to v${held.previousVersion}`}
                  title={`Roll ${secret.name} back in ${environment}?`}
                  consequence={`All requests of ${secret.name} in ${environment} take version ${held.previousVersion} again, from now on. The version in use now stays as the previous one.`}
                  submit={`Roll back to version ${held.previousVersion}`}
                  look="danger"
                />
              </form>
            )}
          </>
        )}
      </Allowed>
      {held !== undefined && held.lastUsedAt !== null && (
        <VersionUse history={use} span={span} environment={environment} />
      )}
      {held !== undefined && held.consumers.length > 0 && (
        <Consumers environment={environment} items={held.consumers} nowMs={nowMs} />
      )}
    </section>
  );
};

const Rotated: FC<{
  readonly rotation: RotationOfSecret | null;
  readonly secret: string;
  readonly environment: string;
  readonly nowMs: number;
}> = ({ rotation, secret, environment, nowMs }) =>
  rotation === null ? (
    <span class="small quiet">
      rotated by hand
      <Allowed to="operator">
        {' · '}
        <a
          href={`/rotations/new?secret=${segment(secret)}&environment=${segment(environment)}`}
          aria-label={`Enable a rotation of ${secret} in ${environment}`}
        >
          enable a rotation
        </a>
      </Allowed>
    </span>
  ) : (
    <span class="small quiet">
      <a href={`/rotations/${segment(rotation.id)}`}>rotated by {rotation.provider}</a>{' '}
      <Mark tone={ROTATION_TONES[rotation.status]}>{rotation.status}</Mark>
      {rotation.nextRunAt !== null && (
        <>
          {' '}
          next run <Distance at={rotation.nextRunAt} nowMs={nowMs} />
        </>
      )}
    </span>
  );

const AddVersion: FC<{
  readonly secret: string;
  readonly environment: string;
  readonly isFirst: boolean;
  readonly form: SentForm | undefined;
}> = ({ secret, environment, isFirst, form }) => (
  <details open={isFirst || form?.exact('value') !== undefined}>
    <summary>{isFirst ? 'Add the first value' : 'Add a version'}</summary>
    <form method="post" action={`${pathOf(secret, environment)}/versions`} class="row">
      <label>
        Value
        <input type="password" name="value" required autocomplete="off" />
      </label>
      <label>
        Note
        <input
          name="note"
          maxlength={500}
          placeholder="where it was made, by whom"
          value={form?.text('note') ?? ''}
        />
      </label>
      <button type="submit">Add version</button>
    </form>
    {!isFirst && (
      <p class="quiet small">It is staged: no request takes it until a cutover, or "Activate".</p>
    )}
  </details>
);

const Consumers: FC<{
  readonly environment: string;
  readonly items: readonly ConsumerAnswer[];
  readonly nowMs: number;
}> = ({ environment, items, nowMs }) => (
  <details open>
    <summary>Used by {items.length === 1 ? 'one consumer' : `${items.length} consumers`}</summary>
    <section class="scrolls" tabindex={0} aria-label={`Consumers in ${environment}`}>
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
              <th scope="row">
                {route} {!applied && <Mark tone="quiet">no longer applied</Mark>}
              </th>
              <td>{client ?? <span class="quiet">nobody yet</span>}</td>
              <td>{version === null ? '–' : `v${version}`}</td>
              <td>
                <Distance at={lastUsedAt} nowMs={nowMs} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  </details>
);

function pathOf(secret: string, environment: string): string {
  return `/secrets/${segment(secret)}/environments/${segment(environment)}`;
}
