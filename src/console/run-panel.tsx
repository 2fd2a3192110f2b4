import type { FC } from 'hono/jsx';
import { isRunEnded, type RotationDetail, type RunAnswer, type RunState } from '../core/index.js';
import { Allowed } from './allowed.js';
import { segment } from './api.js';
import { ConfirmedButton } from './confirmed-button.js';
import { Mark, wordsOf } from './mark.js';
import { Distance } from './moment.js';
import { Prose } from './prose.js';

/** The way of a run that goes well, with what each step is for. */
const STEPS: readonly (readonly [states: readonly RunState[], text: string])[] = [
  [['PLANNED', 'PREFLIGHT'], 'Check the provider'],
  [['MINTING', 'AWAITING_VALUE'], 'Make the new key'],
  [['MINTED', 'PROBING'], 'Try the new key'],
  [['CUTOVER'], 'Cut over, judged by live traffic'],
  [['GRACE'], 'Both keys live'],
  [['DISABLING'], 'Turn the old key off'],
  [['SOAK'], 'Old key off, not gone'],
  [['REVOKING'], 'Revoke the old key'],
  [['DONE'], 'Done'],
];

/** While it is taken back, it is nowhere on that way. */
const GOES_BACK: readonly RunState[] = ['ROLLING_BACK', 'CLEANUP'];

/** The newest run. Asks for itself again while it goes on by itself: nothing that is being typed is taken away. */
export const RunPanel: FC<{ readonly rotation: RotationDetail; readonly nowMs: number }> = ({
  rotation,
  nowMs,
}) => {
  const { run } = rotation;
  const path = `/rotations/${segment(rotation.id)}`;
  if (run === null) return <div id="run" />;
  const isOpen = !isRunEnded(run.state);
  const asks =
    isOpen && run.state !== 'AWAITING_VALUE'
      ? { 'hx-get': `${path}/live`, 'hx-trigger': 'every 2s', 'hx-swap': 'outerHTML' }
      : {};
  const at = run.resumesAs ?? run.state;
  const reached = STEPS.findIndex(([states]) => states.includes(at));
  return (
    <section
      class="panel"
      id="run"
      aria-labelledby="run-title"
      data-says={`The run of ${rotation.secret} in ${rotation.environment}: ${wordsOf(run.state)}`}
      {...asks}
    >
      <h2 id="run-title">
        {isOpen ? 'The run under way' : 'The newest run'}{' '}
        <Mark tone={toneOf(run.state)}>{wordsOf(run.state)}</Mark>
      </h2>
      <p>
        {describeVersions(run)}; {run.trigger}, begun by {run.startedBy}{' '}
        <Distance at={run.startedAt} nowMs={nowMs} />.
      </p>
      {GOES_BACK.includes(at) && (
        <p>The key of before is brought into use again, then what this run has made is deleted.</p>
      )}
      {reached !== -1 && (
        <ol class="steps">
          {STEPS.map(([, text], index) => (
            <li {...(index === reached ? { 'aria-current': 'step' } : {})}>
              <span aria-hidden="true">
                {index < reached || run.state === 'DONE' ? '✓' : index === reached ? '▸' : '·'}
              </span>{' '}
              {text}
            </li>
          ))}
        </ol>
      )}
      {run.problem !== null && (
        <p class="notice warn">
          <Prose text={run.problem} />
        </p>
      )}
      {run.reason !== null && (
        <p class={`notice ${run.state === 'DONE' ? 'good' : 'bad'}`}>{run.reason}</p>
      )}
      {run.cutoverId !== null && (
        <p>
          <a href={`/cutovers/${segment(run.cutoverId)}`}>
            The cutover
            {run.cutover !== null && `: ${wordsOf(run.cutover.state)}, ${run.cutover.percent} %`}
          </a>
        </p>
      )}
      {isOpen && run.deadlineAt !== null && (
        <p class="quiet">
          Goes on <Distance at={run.deadlineAt} nowMs={nowMs} past="now" />.
        </p>
      )}
      <Allowed to="operator">
        {isOpen && run.state === 'AWAITING_VALUE' && (
          // What is typed stays when the part shows itself anew.
          <form
            method="post"
            action={`${path}/value`}
            class="row"
            id="give-value"
            hx-preserve="true"
          >
            <label>
              The new value
              <input type="password" name="value" required autocomplete="off" />
            </label>
            <button type="submit">Give it</button>
          </form>
        )}
        {isOpen && (
          <div class="actions">
            {run.state === 'NEEDS_ATTENTION' && (
              <form method="post" action={`${path}/resume`}>
                <button type="submit">Resume the run</button>
              </form>
            )}
            {at !== 'REVOKING' && !GOES_BACK.includes(at) && (
              <form method="post" action={`${path}/rollback`}>
                <ConfirmedButton
                  id="roll-back-run"
                  {...(run.toVersion === null
                    ? {
                        text: 'Give up',
                        title: `Give up the run of ${rotation.secret} in ${rotation.environment}?`,
                        consequence: 'The run ends. The key in use stays as it is.',
                        submit: 'Give up the run',
                      }
                    : {
                        text: 'Roll back',
                        title: `Roll ${rotation.secret} in ${rotation.environment} back to the old key?`,
                        consequence:
                          'The old key is used again by all requests, and the new one is deleted at the provider.',
                        submit: 'Roll back the run',
                      })}
                  look="danger"
                />
              </form>
            )}
          </div>
        )}
      </Allowed>
    </section>
  );
};

function describeVersions({ fromVersion, toVersion }: RunAnswer): string {
  if (toVersion === null) return 'No new version yet';
  return fromVersion === null
    ? `The first version, ${toVersion}`
    : `Version ${fromVersion} → ${toVersion}`;
}

function toneOf(state: RunState) {
  if (state === 'DONE') return 'good';
  return state === 'FAILED' || state === 'ROLLED_BACK' || state === 'NEEDS_ATTENTION'
    ? 'bad'
    : 'warn';
}
