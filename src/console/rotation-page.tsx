import type { Hono } from 'hono';
import type { FC } from 'hono/jsx';
import {
  type CheckAnswer,
  isRunEnded,
  type PageAnswer,
  type RotationDetail,
  type RunWithEvents,
} from '../core/index.js';
import { AboutRotation } from './about-rotation.js';
import { Allowed } from './allowed.js';
import { type ApiProblem, segment } from './api.js';
import { CheckedRotation } from './checked-rotation.js';
import type { ConsoleContext, ConsoleEnvironment } from './console-environment.js';
import { readForm } from './form.js';
import { renderPage, renderPart } from './layout.js';
import { LoadAgain } from './load-again.js';
import { wordsOf } from './mark.js';
import { Distance, Moment } from './moment.js';
import { ProblemNotice, refusalOf } from './problem-notice.js';
import { RunPanel } from './run-panel.js';

const SHOWN_RUNS = 20;

interface Shown {
  readonly problem?: ApiProblem | undefined;
  readonly check?: CheckAnswer;
}

/** `/rotations/ID`: schedule, the run under way, history, and what can be done. */
export function addRotationPage(app: Hono<ConsoleEnvironment>): void {
  app.get('/rotations/:id', (context) => show(context, {}));

  app.get('/rotations/:id/live', async (context) => {
    const rotation = await read(context);
    const hasEnded = rotation.run === null || isRunEnded(rotation.run.state);
    return renderPart(
      context,
      <>
        <RunPanel rotation={rotation} nowMs={Date.now()} />
        {hasEnded && <LoadAgain path={`/rotations/${segment(rotation.id)}`} />}
      </>,
    );
  });

  app.post('/rotations/:id/rotate', async (context) => {
    const form = await readForm(context);
    const reason = form.text('reason');
    const emergency = form.isChecked('emergency');
    return act(context, 'rotate', emergency ? { emergency, reason } : {});
  });
  app.post('/rotations/:id/value', async (context) => {
    const form = await readForm(context);
    return act(context, 'value', { value: form.exact('value') ?? '' });
  });
  for (const verb of ['pause', 'resume', 'rollback'] as const) {
    app.post(`/rotations/:id/${verb}`, (context) => act(context, verb));
  }
  app.post('/rotations/:id/check', async (context) => {
    const { api } = context.get('visitor');
    const path = `/v1/rotations/${segment(context.req.param('id'))}/check`;
    const found: { check?: CheckAnswer } = {};
    const problem = await refusalOf(async () => {
      found.check = await api.post<CheckAnswer>(path);
    });
    return show(context, { problem, ...found });
  });
  app.post('/rotations/:id/disable', async (context) => {
    const { api } = context.get('visitor');
    const path = `/v1/rotations/${segment(context.req.param('id'))}`;
    const problem = await refusalOf(() => api.delete(path));
    return problem === undefined ? context.redirect('/rotations', 303) : show(context, { problem });
  });
}

async function act(context: ConsoleContext, verb: string, body?: unknown): Promise<Response> {
  const id = segment(context.req.param('id') ?? '');
  const { api } = context.get('visitor');
  const problem = await refusalOf(() => api.post(`/v1/rotations/${id}/${verb}`, body));
  if (problem !== undefined) return show(context, { problem });
  return context.redirect(`/rotations/${id}`, 303);
}

function read(context: ConsoleContext): Promise<RotationDetail> {
  const id = segment(context.req.param('id') ?? '');
  return context.get('visitor').api.get<RotationDetail>(`/v1/rotations/${id}`);
}

async function show(context: ConsoleContext, { problem, check }: Shown): Promise<Response> {
  const { api } = context.get('visitor');
  const rotation = await read(context);
  const path = `/v1/rotations/${segment(rotation.id)}/history`;
  const runs = await api.get<PageAnswer<RunWithEvents>>(path, { limit: SHOWN_RUNS });
  const nowMs = Date.now();
  const isUnderWay = rotation.run !== null && !isRunEnded(rotation.run.state);
  const run = <RunPanel rotation={rotation} nowMs={nowMs} />;
  return renderPage(
    context,
    {
      title: `Rotation of ${rotation.secret} in ${rotation.environment}`,
      crumbs: [
        ['/rotations', 'Rotations'],
        [`/secrets/${segment(rotation.secret)}#${segment(rotation.environment)}`, rotation.secret],
      ],
      actions: (
        <Allowed to="operator">
          <a class="button secondary" href={`/rotations/${segment(rotation.id)}/edit`}>
            Edit
          </a>
        </Allowed>
      ),
      children: (
        <>
          <ProblemNotice problem={problem} />
          {check !== undefined && <CheckedRotation found={check} />}
          {isUnderWay && run}
          <AboutRotation rotation={rotation} isUnderWay={isUnderWay} nowMs={nowMs} />
          {!isUnderWay && run}
          <History items={runs.items} nowMs={nowMs} />
        </>
      ),
    },
    problem === undefined ? 200 : 409,
  );
}

const History: FC<{ readonly items: readonly RunWithEvents[]; readonly nowMs: number }> = ({
  items,
  nowMs,
}) => (
  <section class="panel" aria-labelledby="history">
    <h2 id="history">History</h2>
    {items.length === 0 ? (
      <p class="quiet">No run yet.</p>
    ) : (
      items.map((run) => (
        <details>
          <summary>
            {wordsOf(run.state)}, <Distance at={run.startedAt} nowMs={nowMs} />, {run.trigger} by{' '}
            {run.startedBy}
            {run.reason !== null && `: ${run.reason}`}
          </summary>
          <ol>
            {run.events.map(({ at, state, actor, note }) => (
              <li>
                <Moment at={at} /> <strong>{wordsOf(state)}</strong> {note}{' '}
                <span class="quiet">({actor})</span>
              </li>
            ))}
          </ol>
        </details>
      ))
    )}
  </section>
);
