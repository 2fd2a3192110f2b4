import type { Hono } from 'hono';
import type { FC } from 'hono/jsx';
import {
  type PageAnswer,
  ROTATION_STATUSES,
  type RotationAnswer,
  type RotationStatus,
} from '../core/index.js';
import { Allowed } from './allowed.js';
import { segment } from './api.js';
import type { ConsoleEnvironment } from './console-environment.js';
import { renderPage } from './layout.js';
import { Mark, type Tone, wordsOf } from './mark.js';
import { Distance } from './moment.js';
import { NextPage } from './next-page.js';
import { Options } from './options.js';
import { Prose } from './prose.js';
import { Table } from './table.js';

const ROWS = 100;

export const ROTATION_TONES: Readonly<Record<RotationStatus, Tone>> = {
  ok: 'good',
  running: 'warn',
  failed: 'bad',
  overdue: 'bad',
  paused: 'quiet',
};

/** `/rotations`: what is rotated by itself, when next, and how it went. */
export function addRotations(app: Hono<ConsoleEnvironment>): void {
  app.get('/rotations', async (context) => {
    const { api } = context.get('visitor');
    const { cursor, status } = context.req.query();
    const query = { cursor, status, limit: ROWS };
    const page = await api.get<PageAnswer<RotationAnswer>>('/v1/rotations', query);
    return renderPage(context, {
      title: 'Rotations',
      actions: (
        <Allowed to="operator">
          <a class="button" href="/rotations/new">
            Enable a rotation
          </a>
        </Allowed>
      ),
      children: (
        <>
          <form method="get" action="/rotations" class="panel row">
            <label>
              Status
              <select name="status" data-submits>
                <Options of={ROTATION_STATUSES} chosen={status} any="all" />
              </select>
            </label>
            <noscript>
              <button type="submit" class="secondary">
                Show
              </button>
            </noscript>
          </form>
          <section class="panel">
            {page.items.length === 0 ? (
              <p class="empty">
                {status === undefined || status === ''
                  ? 'Nothing is rotated by itself yet. A provider makes the new key, Keyferry cuts over to it and revokes the old one.'
                  : 'None.'}
              </p>
            ) : (
              <RotationsTable items={page.items} nowMs={Date.now()} />
            )}
            <NextPage path="/rotations" cursor={page.nextCursor} query={{ status }} />
          </section>
        </>
      ),
    });
  });
}

/** Also for the overview. */
export const RotationsTable: FC<{
  readonly items: readonly RotationAnswer[];
  readonly nowMs: number;
}> = ({ items, nowMs }) => (
  <Table
    columns={[
      'Secret',
      { text: 'Environment', phone: 'plain' },
      { text: 'Provider', phone: 'plain' },
      { text: 'Status', phone: 'lead' },
      'Next run',
      { text: 'Run', phone: 'wide' },
    ]}
  >
    {items.map((rotation) => (
      <tr>
        <th scope="row">
          <a class="name" href={`/rotations/${segment(rotation.id)}`}>
            {rotation.secret}
          </a>
        </th>
        <td>{rotation.environment}</td>
        <td>{rotation.provider}</td>
        <td>
          <Mark tone={ROTATION_TONES[rotation.status]}>{rotation.status}</Mark>
        </td>
        <td>
          <Distance
            at={rotation.nextRunAt}
            nowMs={nowMs}
            never={rotation.status === 'running' ? 'after this one' : 'not planned'}
          />
        </td>
        <td class="small">
          {rotation.run === null ? (
            <span class="quiet">none yet</span>
          ) : (
            <>
              {wordsOf(rotation.run.state)}, <Distance at={rotation.run.stateSince} nowMs={nowMs} />
              {rotation.run.problem !== null && (
                <div class="clamped">
                  <Prose text={rotation.run.problem} />
                </div>
              )}
            </>
          )}
        </td>
      </tr>
    ))}
  </Table>
);
