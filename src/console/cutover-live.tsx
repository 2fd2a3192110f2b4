import type { FC } from 'hono/jsx';
import type { CutoverCounts, CutoverWithFigures, StepFiguresAnswer } from '../core/index.js';
import { Allowed } from './allowed.js';
import { segment } from './api.js';
import { ConfirmedButton } from './confirmed-button.js';
import { CutoverMarks } from './cutovers.js';
import { wordsOf } from './mark.js';
import { Prose } from './prose.js';

/** A cutover as it is now: where it is, what was counted, what can be done. Asks for itself again while it runs. */
export const CutoverLive: FC<{ readonly cutover: CutoverWithFigures }> = ({ cutover }) => {
  const path = `/cutovers/${segment(cutover.id)}`;
  const runs = cutover.endedAt === null;
  const asks = runs
    ? { 'hx-get': `${path}/live`, 'hx-trigger': 'every 2s', 'hx-swap': 'outerHTML' }
    : {};
  return (
    <div class="live" id={`cutover-${cutover.id}`} data-says={inWords(cutover)} {...asks}>
      <p>
        <CutoverMarks cutover={cutover} /> <span class="figure">{cutover.percent} %</span> of the
        requests take the new version
      </p>
      <progress value={cutover.percent} max="100" aria-label="Share of the requests" />
      <Steps cutover={cutover} />
      {cutover.hold !== null && (
        <div class="notice warn">
          <p>
            <strong>Held: </strong>
            <Prose text={`${cutover.hold.explanation} ${cutover.hold.whatToDo}`} />
          </p>
        </div>
      )}
      {cutover.reason !== null && (
        <div class={`notice ${cutover.state === 'ROLLED_BACK' ? 'bad' : 'good'}`}>
          <p>
            <Prose text={cutover.reason} />
          </p>
        </div>
      )}
      <Figures environment={cutover.environment} items={cutover.figures} />
      {runs && cutover.waitsFor.length > 0 && (
        <p>
          <strong>Waits for</strong> <Prose text={cutover.waitsFor.join('; ')} />
        </p>
      )}
      {runs && (
        <Allowed to="operator">
          <Buttons cutover={cutover} path={path} />
        </Allowed>
      )}
    </div>
  );
};

/** For those who hear the page. */
function inWords({
  secret,
  environment,
  state,
  percent,
  hold,
  paused,
}: CutoverWithFigures): string {
  const more = hold !== null ? ', held' : paused ? ', paused' : '';
  return `${secret} in ${environment}: ${wordsOf(state)}${more}, ${percent} % take the new version`;
}

const Steps: FC<{ readonly cutover: CutoverWithFigures }> = ({ cutover }) => {
  const { settings, state, step } = cutover;
  const shares = settings.steps.map((percent) => `${percent} %`);
  const names = ['Probes', ...shares, 'Both versions live', 'Done'];
  const reached = {
    PENDING: 0,
    CANARY: step + 1,
    CURRENT: shares.length + 1,
    COMPLETED: shares.length + 2,
    ROLLED_BACK: -1,
  }[state];
  if (reached === -1) return null;
  return (
    <ol class="steps small">
      {names.map((name, index) => (
        <li {...(index === reached ? { 'aria-current': 'step' } : {})}>
          <span aria-hidden="true">
            {index < reached || state === 'COMPLETED' ? '✓' : index === reached ? '▸' : '·'}
          </span>{' '}
          {name}
        </li>
      ))}
    </ol>
  );
};

const Buttons: FC<{ readonly cutover: CutoverWithFigures; readonly path: string }> = ({
  cutover,
  path,
}) => {
  const what = `${cutover.secret} in ${cutover.environment}`;
  // With an id each: the focus stays where it was when the part shows itself anew.
  const id = (verb: string): string => `${verb}-${cutover.id}`;
  const isLive = cutover.state === 'CURRENT';
  return (
    <div class="actions">
      <form method="post" action={`${path}/${cutover.paused ? 'resume' : 'pause'}`}>
        <button type="submit" class="secondary" id={id('pause')}>
          {cutover.paused ? 'Resume' : 'Pause'}
        </button>
      </form>
      <form method="post" action={`${path}/rollback`}>
        <ConfirmedButton
          id={id('rollback')}
          text="Roll back"
          title={`Roll ${what} back to the old version?`}
          consequence={`All requests of ${what} take the old version again, from now on, and the cutover ends.`}
          submit="Roll back"
          look="danger"
        />
      </form>
      <form method="post" action={`${path}/complete`}>
        <ConfirmedButton
          id={id('complete')}
          text="Complete"
          title={`Complete the cutover of ${what}?`}
          consequence={
            isLive
              ? 'The window ends: a request that is refused is no longer tried with the old version.'
              : `All requests of ${what} take the new version at once, verified or not.`
          }
          submit="Complete the cutover"
          look="secondary"
        />
      </form>
    </div>
  );
};

/** New beside old: what the decision rests on. */
const Figures: FC<{
  readonly environment: string;
  readonly items: readonly StepFiguresAnswer[];
}> = ({ environment, items }) =>
  items.length === 0 ? (
    <p class="quiet">No request was counted.</p>
  ) : (
    <section class="scrolls" tabindex={0} aria-label={`What was counted in ${environment}`}>
      <table>
        <thead>
          <tr>
            <th scope="col">Step, version</th>
            {[
              'Accepted',
              'Refused',
              'Share refused',
              'Failed',
              'Refused, the other was taken',
              'Refused, and so was the other',
            ].map((text) => (
              <th scope="col" class="number">
                {text}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {items.flatMap((figures) =>
            (['new', 'old'] as const).map((side) => {
              const counts = figures[side];
              return (
                <tr>
                  <th scope="row">
                    {figures.percent} %, {side}
                  </th>
                  <td class="number">{counts.accepted.toLocaleString('en')}</td>
                  <td class="number">{counts.refused.toLocaleString('en')}</td>
                  <td class="number">{shareRefused(counts)}</td>
                  <td class="number">{counts.failed.toLocaleString('en')}</td>
                  <td class="number">{counts.pairedRefusals.toLocaleString('en')}</td>
                  <td class="number">{counts.sharedRefusals.toLocaleString('en')}</td>
                </tr>
              );
            }),
          )}
        </tbody>
      </table>
    </section>
  );

function shareRefused({ accepted, refused }: CutoverCounts): string {
  const all = accepted + refused;
  return all === 0 ? '–' : `${((100 * refused) / all).toFixed(refused === 0 ? 0 : 1)} %`;
}
