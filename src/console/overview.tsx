import type { Hono } from 'hono';
import type { FC } from 'hono/jsx';
import type {
  AlertAnswer,
  AlertCountsAnswer,
  CutoverAnswer,
  PageAnswer,
  RotationAnswer,
  RoutesInUseAnswer,
  SecretAgesAnswer,
  SecretAnswer,
} from '../core/index.js';
import { AgesTable } from './ages-table.js';
import { AlertList } from './alerts.js';
import type { Api } from './api.js';
import type { ConsoleEnvironment } from './console-environment.js';
import { CutoversTable } from './cutovers.js';
import { environmentNames } from './environment-names.js';
import { renderPage, renderPart } from './layout.js';
import { NextPage } from './next-page.js';
import { OverviewCounts } from './overview-counts.js';
import { RequestsPanel } from './requests-panel.js';
import { RotationsTable } from './rotations.js';
import { FailingRoutes } from './routes-table.js';
import { chartSpan, readUse } from './use-over-time.js';

const SHOWN = 10;
const SHOWN_ALERTS = 5;
const SOON_MS = 30 * 86_400_000;

/** `/`: what needs a person now, and how it goes. */
export function addOverview(app: Hono<ConsoleEnvironment>): void {
  app.get('/', async (context) => {
    const { api, session } = context.get('visitor');
    const { span: spanName, environment } = context.req.query();
    const span = chartSpan(spanName);
    const nowMs = Date.now();
    const [secrets, counts, alerts, inUse, cutovers, rotations, ages, history, names] =
      await Promise.all([
        api.get<PageAnswer<SecretAnswer>>('/v1/secrets', { limit: 1 }),
        api.get<AlertCountsAnswer>('/v1/alerts/counts'),
        readAlerts(api),
        api.get<RoutesInUseAnswer>('/v1/routes/in-use', { limit: 1 }),
        readCutovers(api),
        readRotations(api, nowMs),
        api.get<SecretAgesAnswer>('/v1/secret-ages'),
        readUse(api, span, { environment: environment === '' ? undefined : environment }),
        environmentNames(api),
      ]);
    if (secrets.items.length === 0) {
      return renderPage(context, { title: 'Overview', children: <FirstSteps /> });
    }
    // Counts of all requests and ages say something about every secret.
    const seesAll = session.admin.secretPrefix === null;
    return renderPage(context, {
      title: 'Overview',
      charts: true,
      openAlerts: counts.total,
      children: (
        <>
          <OverviewCounts
            alerts={counts}
            ages={ages}
            cutovers={cutovers}
            rotations={rotations.due}
          />
          <section class="panel" aria-labelledby="needs">
            <h2 id="needs">Needs a person</h2>
            <FailingRoutes count={inUse.failing} />
            {alerts.length === 0 ? (
              <p class="quiet">
                {inUse.failing === 0 && 'Nothing. '}No alert is open that nobody has seen.
              </p>
            ) : (
              <AlertList items={alerts} nowMs={nowMs} />
            )}
            {counts.total > alerts.length && (
              <p>
                <a href="/alerts">All {counts.total.toLocaleString('en')}</a>
              </p>
            )}
          </section>
          <CutoversLive page={cutovers} nowMs={nowMs} />
          {seesAll && (
            <RequestsPanel history={history} {...{ span, environment, environments: names }} />
          )}
          {seesAll && (
            <section class="panel" aria-labelledby="ages">
              <h2 id="ages">Secrets by age</h2>
              <AgesTable ages={ages} nowMs={nowMs} />
            </section>
          )}
          <section class="panel" aria-labelledby="rotations">
            <h2 id="rotations">Rotations under way, or due in the next 30 days</h2>
            {rotations.shown.length === 0 ? (
              <p class="quiet">None.</p>
            ) : (
              <RotationsTable items={rotations.shown} nowMs={nowMs} />
            )}
            {rotations.goOn && (
              <p>
                <a href="/rotations">All rotations</a>
              </p>
            )}
          </section>
        </>
      ),
    });
  });

  app.get('/overview/cutovers', async (context) => {
    const page = await readCutovers(context.get('visitor').api);
    return renderPart(context, <CutoversLive page={page} nowMs={Date.now()} />);
  });
}

/** The urgent ones, then the newest others. */
async function readAlerts(api: Api): Promise<readonly AlertAnswer[]> {
  const query = { open: true, acknowledged: false, limit: SHOWN_ALERTS };
  const [urgent, newest] = await Promise.all([
    api.get<PageAnswer<AlertAnswer>>('/v1/alerts', { ...query, urgency: 'urgent' }),
    api.get<PageAnswer<AlertAnswer>>('/v1/alerts', query),
  ]);
  const others = newest.items.filter(({ urgency }) => urgency !== 'urgent');
  return [...urgent.items, ...others].slice(0, SHOWN_ALERTS);
}

function readCutovers(api: Api): Promise<PageAnswer<CutoverAnswer>> {
  return api.get<PageAnswer<CutoverAnswer>>('/v1/cutovers', { running: true, limit: SHOWN });
}

async function readRotations(api: Api, nowMs: number) {
  const dueBefore = new Date(nowMs + SOON_MS).toISOString();
  const [running, due] = await Promise.all([
    api.get<PageAnswer<RotationAnswer>>('/v1/rotations', { status: 'running', limit: SHOWN }),
    api.get<PageAnswer<RotationAnswer>>('/v1/rotations', { dueBefore, limit: SHOWN }),
  ]);
  const isRunning = new Set(running.items.map(({ id }) => id));
  return {
    due,
    shown: [...running.items, ...due.items.filter(({ id }) => !isRunning.has(id))],
    goOn: running.nextCursor !== null || due.nextCursor !== null,
  };
}

/** Asks for itself again while one runs; otherwise the page would keep its session alive. */
const CutoversLive: FC<{ readonly page: PageAnswer<CutoverAnswer>; readonly nowMs: number }> = ({
  page: { items, nextCursor },
  nowMs,
}) => {
  const asks =
    items.length === 0
      ? {}
      : { 'hx-get': '/overview/cutovers', 'hx-trigger': 'every 2s', 'hx-swap': 'outerHTML' };
  const says = items.map(({ secret, state, percent }) => `${secret} ${state} ${percent} %`);
  return (
    <section
      class="panel"
      id="cutovers-live"
      aria-labelledby="cutovers"
      data-says={items.length === 0 ? 'No cutover under way' : says.join(', ')}
      {...asks}
    >
      <h2 id="cutovers">Cutovers under way</h2>
      {items.length === 0 ? (
        <p class="quiet">None.</p>
      ) : (
        <CutoversTable items={items} nowMs={nowMs} />
      )}
      <NextPage path="/cutovers" cursor={nextCursor} text="More of them" />
    </section>
  );
};

const FirstSteps: FC = () => (
  <section class="panel">
    <h2>Nothing here yet</h2>
    <ol>
      <li>
        <a href="/secrets/new">create a secret</a>, and give each environment its value
      </li>
      <li>
        <a href="/routes#document">apply a route</a> that places it
      </li>
      <li>
        <a href="/clients">create a client</a>, whose token an app sends to the proxy in place of
        the key
      </li>
    </ol>
    <p class="quiet">Then requests, ages and what needs a person are seen here.</p>
  </section>
);
