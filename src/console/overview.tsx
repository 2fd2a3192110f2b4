import type { Hono } from 'hono';
import type { FC } from 'hono/jsx';
import type {
  AlertAnswer,
  CutoverAnswer,
  PageAnswer,
  RotationAnswer,
  SecretAnswer,
} from '../core/index.js';
import { AlertsTable } from './alerts.js';
import type { ConsoleEnvironment } from './console-environment.js';
import { CutoversTable } from './cutovers.js';
import { renderPage } from './layout.js';
import { RotationsTable } from './rotations.js';

const SHOWN = 10;
const SOON_MS = 30 * 86_400_000;

/** `/`: what needs a person now. */
export function addOverview(app: Hono<ConsoleEnvironment>): void {
  app.get('/', async (context) => {
    const { api } = context.get('visitor');
    const nowMs = Date.now();
    const [alerts, cutovers, rotations, secrets] = await Promise.all([
      api.get<PageAnswer<AlertAnswer>>('/v1/alerts', {
        open: true,
        acknowledged: false,
        limit: SHOWN,
      }),
      api.get<PageAnswer<CutoverAnswer>>('/v1/cutovers', { running: true, limit: SHOWN }),
      api.get<PageAnswer<RotationAnswer>>('/v1/rotations', { limit: 1000 }),
      api.get<PageAnswer<SecretAnswer>>('/v1/secrets', { limit: 1 }),
    ]);
    const soon = rotations.items
      .filter((rotation) => isSoon(rotation, nowMs))
      .toSorted((a, b) => (a.nextRunAt ?? '').localeCompare(b.nextRunAt ?? ''));
    if (secrets.items.length === 0) {
      return renderPage(context, { title: 'Overview', children: <FirstSteps /> });
    }
    return renderPage(context, {
      title: 'Overview',
      children: (
        <>
          <section class="panel" aria-labelledby="needs">
            <h2 id="needs">Needs a person</h2>
            {alerts.items.length === 0 ? (
              <p class="quiet">Nothing. No alert is open that nobody has seen.</p>
            ) : (
              <AlertsTable items={alerts.items} nowMs={nowMs} />
            )}
          </section>
          <section class="panel" aria-labelledby="cutovers">
            <h2 id="cutovers">Cutovers under way</h2>
            {cutovers.items.length === 0 ? (
              <p class="quiet">None.</p>
            ) : (
              <CutoversTable items={cutovers.items} nowMs={nowMs} />
            )}
          </section>
          <section class="panel" aria-labelledby="rotations">
            <h2 id="rotations">Rotations under way, or due in the next 30 days</h2>
            {soon.length === 0 ? (
              <p class="quiet">None.</p>
            ) : (
              <RotationsTable items={soon} nowMs={nowMs} />
            )}
          </section>
        </>
      ),
    });
  });
}

function isSoon({ status, nextRunAt }: RotationAnswer, nowMs: number): boolean {
  if (status === 'paused') return false;
  return nextRunAt === null ? status === 'running' : Date.parse(nextRunAt) < nowMs + SOON_MS;
}

const FirstSteps: FC = () => (
  <section class="panel empty">
    <h2>Nothing here yet</h2>
    <p>
      Begin with the first key: <a href="/secrets/new">create a secret</a>, give each environment
      its value, then <a href="/routes">apply a route</a> that places it.
    </p>
  </section>
);
