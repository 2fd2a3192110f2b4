import type { Hono } from 'hono';
import type { FC } from 'hono/jsx';
import {
  type CheckAnswer,
  isRunEnded,
  type PageAnswer,
  type RotationDetail,
  type RunWithEvents,
} from '../core/index.js';
import { Allowed } from './allowed.js';
import { type ApiProblem, segment } from './api.js';
import { CheckedRotation } from './checked-rotation.js';
import { ConfirmedButton } from './confirmed-button.js';
import type { ConsoleContext, ConsoleEnvironment } from './console-environment.js';
import { Fact } from './fact.js';
import { readForm } from './form.js';
import { renderPage, renderPart } from './layout.js';
import { Mark, wordsOf } from './mark.js';
import { Distance, describeMinutes, Moment } from './moment.js';
import { ProblemNotice, refusalOf } from './problem-notice.js';
import { ROTATION_TONES } from './rotations.js';
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
    return renderPart(context, <RunPanel rotation={rotation} nowMs={Date.now()} />);
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
      children: (
        <>
          <ProblemNotice problem={problem} />
          {check !== undefined && <CheckedRotation found={check} />}
          {isUnderWay && run}
          <About rotation={rotation} isUnderWay={isUnderWay} nowMs={nowMs} />
          {!isUnderWay && run}
          <History items={runs.items} nowMs={nowMs} />
        </>
      ),
    },
    problem === undefined ? 200 : 409,
  );
}

const About: FC<{
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

function describeSchedule({ intervalDays, cron, timezone, window }: RotationDetail): string {
  const when =
    cron !== null
      ? `cron ${cron}`
      : intervalDays === null
        ? 'before each key expires'
        : `every ${intervalDays} days`;
  const between =
    window === null ? '' : `, on ${window.days.join(', ')} from ${window.from} to ${window.until}`;
  return `${when}${between} (${timezone})`;
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
