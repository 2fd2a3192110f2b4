import type { Hono } from 'hono';
import type { FC } from 'hono/jsx';
import {
  ALERT_KINDS,
  type AlertAnswer,
  type AlertUrgency,
  type PageAnswer,
} from '../core/index.js';
import { Allowed } from './allowed.js';
import { type ApiProblem, type Query, segment, withQuery } from './api.js';
import type { ConsoleContext, ConsoleEnvironment } from './console-environment.js';
import { readForm } from './form.js';
import { renderPage } from './layout.js';
import { Mark, type Tone, wordsOf } from './mark.js';
import { Distance } from './moment.js';
import { NextPage } from './next-page.js';
import { Options } from './options.js';
import { ProblemNotice, refusalOf } from './problem-notice.js';
import { Prose } from './prose.js';

const ROWS = 50;

const URGENCY_TONES: Readonly<Record<AlertUrgency, Tone>> = {
  urgent: 'bad',
  warning: 'warn',
  notice: 'quiet',
};

/** `/alerts`: what needs a person, and what did. */
export function addAlerts(app: Hono<ConsoleEnvironment>): void {
  app.get('/alerts', (context) => show(context));

  app.post('/alerts/:id/acknowledge', async (context) => {
    const form = await readForm(context);
    const note = form.text('note');
    const path = `/v1/alerts/${segment(context.req.param('id'))}/acknowledge`;
    const { api } = context.get('visitor');
    const problem = await refusalOf(() => api.post(path, note === undefined ? {} : { note }));
    if (problem !== undefined) return show(context, problem);
    return context.redirect(withQuery('/alerts', listOf(context)), 303);
  });
}

/** What the list shows. */
function listOf(context: ConsoleContext) {
  const { kind, all, cursor } = context.req.query();
  return { kind, all, cursor };
}

async function show(context: ConsoleContext, problem?: ApiProblem): Promise<Response> {
  const { api } = context.get('visitor');
  const list = listOf(context);
  const { kind, all, cursor } = list;
  const page = await api.get<PageAnswer<AlertAnswer>>('/v1/alerts', {
    cursor,
    kind,
    open: all === undefined ? true : undefined,
    limit: ROWS,
  });
  return renderPage(
    context,
    {
      title: 'Alerts',
      children: (
        <>
          <ProblemNotice problem={problem} />
          <form method="get" action="/alerts" class="panel row">
            <label>
              Kind
              <select name="kind" data-submits>
                <Options of={ALERT_KINDS} chosen={kind} any="all" text={wordsOf} />
              </select>
            </label>
            <label>
              <input type="checkbox" name="all" checked={all !== undefined} data-submits /> also
              those that are over
            </label>
            <noscript>
              <button type="submit" class="secondary">
                Show
              </button>
            </noscript>
          </form>
          <section class="panel">
            {page.items.length === 0 ? (
              <p class="empty">Nothing needs a person.</p>
            ) : (
              <AlertList items={page.items} nowMs={Date.now()} list={list} />
            )}
            <NextPage
              path="/alerts"
              cursor={page.nextCursor}
              query={{ kind, all }}
              text="Older ones"
            />
          </section>
        </>
      ),
    },
    problem === undefined ? 200 : 409,
  );
}

/** Also for the overview. */
export const AlertList: FC<{
  readonly items: readonly AlertAnswer[];
  readonly nowMs: number;
  /** Of the page of alerts: where to go on when one is acknowledged. */
  readonly list?: Query;
}> = ({ items, nowMs, list = {} }) => (
  <ul class="alerts">
    {items.map((alert) => (
      <li>
        <div>
          <Mark tone={alert.closedAt === null ? URGENCY_TONES[alert.urgency] : 'quiet'}>
            {alert.closedAt === null ? alert.urgency : 'over'}
          </Mark>
        </div>
        <div class="told">
          <p>
            <Prose text={alert.summary} />
          </p>
          <p class="small quiet">
            {wordsOf(alert.kind)}
            {alert.count > 1 && `, ${alert.count} times`} ·{' '}
            <Distance at={alert.since} nowMs={nowMs} /> <Place alert={alert} />
            {alert.closedBecause !== null && ` · ${alert.closedBecause}`}
          </p>
        </div>
        <WhatToDo alert={alert} />
        <Seen alert={alert} list={list} />
      </li>
    ))}
  </ul>
);

const isOpen = ({ acknowledgedAt, closedAt }: AlertAnswer): boolean =>
  acknowledgedAt === null && closedAt === null;

const WhatToDo: FC<{ readonly alert: AlertAnswer }> = ({ alert }) =>
  alert.closedAt === null ? (
    <details class="small">
      <summary>What to do</summary>
      <p>
        {alert.whatToDo} <code class="command">{alert.command}</code>
      </p>
      {isOpen(alert) && (
        <Allowed to="operator">
          <input
            name="note"
            form={`seen-${alert.id}`}
            placeholder="note, for who comes next"
            aria-label={`Note on: ${alert.summary}`}
            maxlength={500}
          />
        </Allowed>
      )}
    </details>
  ) : null;

/** Who has seen it, or a way to say so. */
const Seen: FC<{
  readonly alert: AlertAnswer;
  readonly list: Query;
}> = ({ alert, list }) => {
  if (isOpen(alert)) {
    return (
      <Allowed to="operator">
        <form
          method="post"
          action={withQuery(`/alerts/${segment(alert.id)}/acknowledge`, list)}
          id={`seen-${alert.id}`}
          class="seen"
        >
          <button type="submit" class="secondary" aria-label={`Acknowledge: ${alert.summary}`}>
            Acknowledge
          </button>
        </form>
      </Allowed>
    );
  }
  if (alert.acknowledgedBy === null) return null;
  return (
    <p class="small quiet seen">
      seen by {alert.acknowledgedBy}
      {alert.note !== null && `: ${alert.note}`}
    </p>
  );
};

/** Where the console shows what it is about. */
const Place: FC<{ readonly alert: AlertAnswer }> = ({ alert }) => {
  if (alert.cutover !== null)
    return (
      <>
        {' · '}
        <a href={`/cutovers/${segment(alert.cutover)}`}>the cutover</a>
      </>
    );
  if (alert.secret === null) return null;
  const part = alert.environment === null ? '' : `#${segment(alert.environment)}`;
  return (
    <>
      {' · '}
      <a href={`/secrets/${segment(alert.secret)}${part}`}>{alert.secret}</a>
    </>
  );
};
