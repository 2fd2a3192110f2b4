import type { Hono } from 'hono';
import type { FC } from 'hono/jsx';
import type { CutoverDetail, StepFiguresAnswer } from '../core/index.js';
import { type ApiProblem, segment } from './api.js';
import type { ConsoleContext, ConsoleEnvironment } from './console-environment.js';
import { CutoverMarks, describeWay } from './cutovers.js';
import { renderPage } from './layout.js';
import { Distance, Moment } from './moment.js';
import { ProblemNotice, refusalOf } from './problem-notice.js';

const VERBS = ['pause', 'resume', 'complete', 'rollback'] as const;

/** `/cutovers/ID`: what a cutover waits for and what was counted, live, and ways to end it. */
export function addCutoverPage(app: Hono<ConsoleEnvironment>): void {
  app.get('/cutovers/:id', (context) => show(context, context.req.param('id')));

  app.get('/cutovers/:id/live', async (context) => {
    const cutover = await read(context, context.req.param('id'));
    return context.html(<Live cutover={cutover} nowMs={Date.now()} />);
  });

  for (const verb of VERBS) {
    app.post(`/cutovers/:id/${verb}`, async (context) => {
      const id = context.req.param('id');
      const { api } = context.get('visitor');
      const problem = await refusalOf(() => api.post(`/v1/cutovers/${segment(id)}/${verb}`));
      if (problem !== undefined) return show(context, id, problem);
      return context.redirect(`/cutovers/${segment(id)}`, 303);
    });
  }
}

function read(context: ConsoleContext, id: string): Promise<CutoverDetail> {
  return context.get('visitor').api.get<CutoverDetail>(`/v1/cutovers/${segment(id)}`);
}

async function show(context: ConsoleContext, id: string, problem?: ApiProblem): Promise<Response> {
  const cutover = await read(context, id);
  return renderPage(
    context,
    {
      title: `${cutover.secret} in ${cutover.environment}: ${describeWay(cutover)}`,
      crumbs: [
        ['/cutovers', 'Cutovers'],
        [`/secrets/${segment(cutover.secret)}#${segment(cutover.environment)}`, cutover.secret],
      ],
      children: (
        <>
          <ProblemNotice problem={problem} />
          <Live cutover={cutover} nowMs={Date.now()} />
        </>
      ),
    },
    problem === undefined ? 200 : 409,
  );
}

/** Asks for itself again while the cutover runs. */
const Live: FC<{ readonly cutover: CutoverDetail; readonly nowMs: number }> = ({
  cutover,
  nowMs,
}) => {
  const path = `/cutovers/${segment(cutover.id)}`;
  const runs = cutover.endedAt === null;
  const asks = runs
    ? { 'hx-get': `${path}/live`, 'hx-trigger': 'every 2s', 'hx-swap': 'outerHTML' }
    : {};
  return (
    <div id="live" {...asks}>
      <section class="panel" aria-label="State" aria-live="polite">
        <p>
          <CutoverMarks cutover={cutover} /> <span class="figure">{cutover.percent} %</span> of the
          requests take the new version
        </p>
        <progress value={cutover.percent} max="100" aria-label="Share of the requests" />
        {cutover.hold !== null && (
          <div class="notice warn">
            <p>
              <strong>Held: </strong>
              {cutover.hold.explanation} {cutover.hold.whatToDo}
            </p>
          </div>
        )}
        {cutover.reason !== null && (
          <div class={`notice ${cutover.state === 'ROLLED_BACK' ? 'bad' : 'good'}`}>
            <p>{cutover.reason}</p>
          </div>
        )}
        {runs && cutover.waitsFor.length > 0 && (
          <>
            <h2>Waits for</h2>
            <ul>
              {cutover.waitsFor.map((what) => (
                <li>{what}</li>
              ))}
            </ul>
          </>
        )}
        {runs && <Buttons cutover={cutover} path={path} />}
      </section>
      <section class="panel" aria-labelledby="figures">
        <h2 id="figures">What was counted</h2>
        <Figures items={cutover.figures} />
      </section>
      <section class="panel" aria-label="About this cutover">
        <dl class="facts">
          <dt>Started</dt>
          <dd>
            <Moment at={cutover.startedAt} /> by {cutover.startedBy}
          </dd>
          <dt>Steps</dt>
          <dd>
            {cutover.settings.steps.map((step) => `${step} %`).join(' → ')}, each with at least{' '}
            {cutover.settings.stepMinSamples} requests and {cutover.settings.stepMinSeconds} s
          </dd>
          <dt>Current since</dt>
          <dd>
            <Moment at={cutover.currentSince} never="not yet" />
          </dd>
          <dt>Old version live until</dt>
          <dd>
            <Moment at={cutover.windowEndsAt} never="not known yet" />{' '}
            {runs && cutover.windowEndsAt !== null && (
              <>
                (<Distance at={cutover.windowEndsAt} nowMs={nowMs} />)
              </>
            )}
          </dd>
          <dt>Ended</dt>
          <dd>
            <Moment at={cutover.endedAt} never="it runs" />
          </dd>
        </dl>
      </section>
    </div>
  );
};

const Buttons: FC<{ readonly cutover: CutoverDetail; readonly path: string }> = ({
  cutover,
  path,
}) => (
  <div class="actions">
    {cutover.paused ? (
      <form method="post" action={`${path}/resume`}>
        <button type="submit">Resume</button>
      </form>
    ) : (
      <form method="post" action={`${path}/pause`}>
        <button type="submit" class="secondary">
          Pause
        </button>
      </form>
    )}
    <form method="post" action={`${path}/rollback`}>
      <button
        type="submit"
        class="danger"
        data-confirm="All requests take the old version again, from now on."
      >
        Roll back
      </button>
    </form>
    <form method="post" action={`${path}/complete`}>
      <button
        type="submit"
        class="secondary"
        data-confirm={
          cutover.state === 'CURRENT'
            ? 'The window ends: a request that is refused is no longer tried with the old version.'
            : 'All requests take the new version at once, verified or not.'
        }
      >
        Complete
      </button>
    </form>
  </div>
);

const Figures: FC<{ readonly items: readonly StepFiguresAnswer[] }> = ({ items }) =>
  items.length === 0 ? (
    <p class="quiet">Nothing yet.</p>
  ) : (
    <div class="scrolls" tabindex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">Step</th>
            <th scope="col">Version</th>
            <th scope="col" class="number">
              Accepted
            </th>
            <th scope="col" class="number">
              Refused
            </th>
            <th scope="col" class="number">
              …and the other accepted
            </th>
            <th scope="col" class="number">
              …and the other refused
            </th>
            <th scope="col" class="number">
              Failed
            </th>
          </tr>
        </thead>
        <tbody>
          {items.flatMap((figures) =>
            (['new', 'old'] as const).map((side) => (
              <tr>
                <th scope="row">{side === 'new' ? `${figures.percent} %` : ''}</th>
                <td>{side}</td>
                <td class="number">{figures[side].accepted}</td>
                <td class="number">{figures[side].refused}</td>
                <td class="number">{figures[side].pairedRefusals}</td>
                <td class="number">{figures[side].sharedRefusals}</td>
                <td class="number">{figures[side].failed}</td>
              </tr>
            )),
          )}
        </tbody>
      </table>
    </div>
  );
