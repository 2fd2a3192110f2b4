import type { Hono } from 'hono';
import type { FC } from 'hono/jsx';
import type { CutoverAnswer, PageAnswer } from '../core/index.js';
import { segment } from './api.js';
import type { ConsoleEnvironment } from './console-environment.js';
import { renderPage } from './layout.js';
import { CUTOVER_TONES, Mark, wordsOf } from './mark.js';
import { Distance } from './moment.js';
import { NextPage } from './next-page.js';
import { Prose } from './prose.js';
import { Table } from './table.js';

const ROWS = 50;

/** `/cutovers`: what is under way and what was. */
export function addCutovers(app: Hono<ConsoleEnvironment>): void {
  app.get('/cutovers', async (context) => {
    const cursor = context.req.query('cursor');
    const { api } = context.get('visitor');
    const page = await api.get<PageAnswer<CutoverAnswer>>('/v1/cutovers', { cursor, limit: ROWS });
    return renderPage(context, {
      title: 'Cutovers',
      children: (
        <section class="panel">
          {page.items.length === 0 ? (
            <p class="empty">
              No cutover yet. Add a second version on the page of a <a href="/secrets">secret</a>,
              then start one there.
            </p>
          ) : (
            <CutoversTable items={page.items} nowMs={Date.now()} />
          )}
          <NextPage path="/cutovers" cursor={page.nextCursor} text="Older ones" />
        </section>
      ),
    });
  });
}

/** Also for the overview. */
export const CutoversTable: FC<{
  readonly items: readonly CutoverAnswer[];
  readonly nowMs: number;
}> = ({ items, nowMs }) => (
  <Table
    columns={[
      'Secret',
      { text: 'Environment', phone: 'plain' },
      { text: 'From, to', phone: 'plain' },
      { text: 'State', phone: 'lead' },
      { text: 'New version', isNumber: true },
      'Started',
      { text: 'Outcome', phone: 'wide' },
    ]}
  >
    {items.map((cutover) => (
      <tr>
        <th scope="row">
          <a class="name" href={`/cutovers/${segment(cutover.id)}`}>
            {cutover.secret}
          </a>
        </th>
        <td>{cutover.environment}</td>
        <td>{describeWay(cutover)}</td>
        <td>
          <CutoverMarks cutover={cutover} />
        </td>
        <td class="number">{cutover.percent} %</td>
        <td>
          <Distance at={cutover.startedAt} nowMs={nowMs} />
        </td>
        <td class="small">
          <Prose text={cutover.reason ?? ''} />
        </td>
      </tr>
    ))}
  </Table>
);

export const CutoverMarks: FC<{ readonly cutover: CutoverAnswer }> = ({ cutover }) => (
  <>
    <Mark tone={CUTOVER_TONES[cutover.state]}>{wordsOf(cutover.state)}</Mark>{' '}
    {cutover.hold !== null && <Mark tone="warn">held</Mark>}{' '}
    {cutover.paused && <Mark tone="warn">paused</Mark>}
  </>
);

/** `v1 → v2`, or the two secrets. */
export function describeWay({ secret, fromVersion, toVersion, toSecret }: CutoverAnswer): string {
  return toSecret === null ? `v${fromVersion} → v${toVersion}` : `${secret} → ${toSecret}`;
}
