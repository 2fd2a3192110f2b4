import type { Hono } from 'hono';
import type { FC } from 'hono/jsx';
import {
  type PageAnswer,
  ROTATION_STATUSES,
  type RotationAnswer,
  type RotationStatus,
} from '../core/index.js';
import { segment } from './api.js';
import type { ConsoleEnvironment } from './console-environment.js';
import { renderPage } from './layout.js';
import { Mark, type Tone, wordsOf } from './mark.js';
import { Distance } from './moment.js';
import { NextPage } from './next-page.js';
import { Options } from './options.js';

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
        <a class="button" href="/rotations/new">
          Enable a rotation
        </a>
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
            <button type="submit" class="secondary">
              Show
            </button>
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
  <div class="scrolls" tabindex={0}>
    <table>
      <thead>
        <tr>
          <th scope="col">Secret</th>
          <th scope="col">Environment</th>
          <th scope="col">Provider</th>
          <th scope="col">Status</th>
          <th scope="col">Next run</th>
          <th scope="col">Run</th>
        </tr>
      </thead>
      <tbody>
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
              <Distance at={rotation.nextRunAt} nowMs={nowMs} never="not planned" />
            </td>
            <td class="small">
              {rotation.run === null ? (
                <span class="quiet">none yet</span>
              ) : (
                <>
                  {wordsOf(rotation.run.state)},{' '}
                  <Distance at={rotation.run.stateSince} nowMs={nowMs} />
                  {rotation.run.problem !== null && <div>{rotation.run.problem}</div>}
                </>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  </div>
);
