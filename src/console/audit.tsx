import type { Hono } from 'hono';
import type { FC } from 'hono/jsx';
import type { AuditRowAnswer, AuditVerificationAnswer, PageAnswer } from '../core/index.js';
import { withQuery } from './api.js';
import type { ConsoleContext, ConsoleEnvironment } from './console-environment.js';
import { Filters } from './filters.js';
import { renderPage } from './layout.js';
import { Moment } from './moment.js';
import { NextPage } from './next-page.js';
import { Table } from './table.js';

const ROWS = 50;
const FILTERS = ['action', 'secret', 'environment', 'actor', 'since', 'until'] as const;
const TEXT_FILTERS = [
  ['secret', 'Secret'],
  ['environment', 'Environment'],
  ['actor', 'Who'],
] as const;
const DAY_FILTERS = [
  ['since', 'Since (UTC)'],
  ['until', 'Until (UTC)'],
] as const;

/** `/audit`: who did what; checks it, and hands it out. */
export function addAudit(app: Hono<ConsoleEnvironment>): void {
  app.get('/audit', (context) => show(context));

  app.post('/audit/verify', async (context) => {
    const { api } = context.get('visitor');
    return show(context, await api.get<AuditVerificationAnswer>('/v1/audit/verify'));
  });

  app.get('/audit/export', async (context) => {
    const { api } = context.get('visitor');
    const asked = spanOf(filtersOf(context));
    return api.download('GET', withQuery('/v1/audit/export', asked));
  });
}

type AuditFilters = Partial<Record<(typeof FILTERS)[number], string>>;

function filtersOf(context: ConsoleContext): AuditFilters {
  const given = FILTERS.map((name) => [name, context.req.query(name)?.trim()] as const);
  return Object.fromEntries(given.filter(([, text]) => text !== undefined && text !== ''));
}

/** As the API takes them: what a date field sends is a day, which belongs to the span whole. */
function spanOf({ since, until, ...others }: AuditFilters): AuditFilters {
  return {
    ...others,
    ...(since === undefined ? {} : { since: isDay(since) ? `${since}T00:00:00Z` : since }),
    ...(until === undefined ? {} : { until: isDay(until) ? dayAfter(until) : until }),
  };
}

const isDay = (text: string): boolean =>
  /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text));

function dayAfter(day: string): string {
  const date = new Date(`${day}T00:00:00Z`);
  date.setUTCDate(date.getUTCDate() + 1);
  return date.toISOString();
}

async function show(
  context: ConsoleContext,
  verification?: AuditVerificationAnswer,
): Promise<Response> {
  const { api } = context.get('visitor');
  const filters = context.req.method === 'GET' ? filtersOf(context) : {};
  const cursor = context.req.query('cursor');
  const page = await api.get<PageAnswer<AuditRowAnswer>>('/v1/audit', {
    ...spanOf(filters),
    cursor,
    limit: ROWS,
  });
  return renderPage(context, {
    title: 'Audit',
    actions: (
      <>
        <form method="post" action="/audit/verify">
          <button type="submit" class="secondary">
            Verify
          </button>
        </form>
        <a class="button secondary" href={withQuery('/audit/export', filters)} download>
          Export
        </a>
      </>
    ),
    children: (
      <>
        {verification !== undefined && <Verified found={verification} />}
        <form method="get" action="/audit" class="panel row">
          <label>
            Action
            <input
              type="search"
              name="action"
              value={filters.action ?? ''}
              placeholder="version."
            />
          </label>
          <Filters count={FILTERS.slice(1).filter((name) => filters[name] !== undefined).length}>
            {TEXT_FILTERS.map(([name, text]) => (
              <label>
                {text}
                <input name={name} value={filters[name] ?? ''} />
              </label>
            ))}
            {DAY_FILTERS.map(([name, text]) => (
              <label>
                {text}
                <input type="date" name={name} value={filters[name] ?? ''} />
              </label>
            ))}
          </Filters>
        </form>
        <section class="panel">
          {page.items.length === 0 ? (
            <p class="empty">No row fits.</p>
          ) : (
            <AuditTable items={page.items} />
          )}
          <NextPage path="/audit" cursor={page.nextCursor} query={filters} text="Older rows" />
        </section>
      </>
    ),
  });
}

const Verified: FC<{ readonly found: AuditVerificationAnswer }> = ({ found }) =>
  found.ok ? (
    <div class="notice good" role="status">
      <p>
        The audit log is whole: {found.rows.toLocaleString('en')} rows, each fits the one before it.
        For a cut tail, compare with a checkpoint kept elsewhere (
        <code>keyferry audit verify --checkpoint</code>).
      </p>
    </div>
  ) : (
    <div class="notice bad" role="alert">
      <p>
        The audit log was altered
        {found.firstBroken !== undefined &&
          `: the first row that does not fit is ${found.firstBroken}`}
        {found.finding !== undefined && ` (${found.finding})`}.
      </p>
    </div>
  );

/** Also for the history of a secret. */
export const AuditTable: FC<{
  readonly items: readonly AuditRowAnswer[];
  /** All rows are of one, which the page names. */
  readonly isOfOneSecret?: boolean;
}> = ({ items, isOfOneSecret = false }) => (
  <Table
    columns={[
      { text: 'Did', phone: 'title' },
      { text: 'Who', phone: 'plain' },
      { text: 'When', phone: 'lead' },
      ...(isOfOneSecret ? [] : [{ text: 'Secret', phone: 'plain' } as const]),
      { text: 'Environment', phone: 'plain' },
      { text: 'Detail', phone: 'wide' },
      { text: 'Row', isNumber: true, phone: 'drop' },
    ]}
  >
    {items.map((row) => (
      <tr>
        <th scope="row">
          <code>{row.action}</code>
        </th>
        <td class="who">{row.actor.name}</td>
        <td>
          <Moment at={row.at} />
        </td>
        {!isOfOneSecret && <td class="name">{row.secret ?? ''}</td>}
        <td>{row.environment ?? ''}</td>
        <td class="small">
          <Detail of={row.detail} />
        </td>
        <td class="number quiet">{row.seq}</td>
      </tr>
    ))}
  </Table>
);

/** More, and longer texts, ids among them, would make of each row a page. */
const MOST_SHOWN = 4;
const LONGEST_SHOWN = 32;

/** A name and what it is; a point in time is shown as one. */
const DetailItem: FC<{ readonly name: string; readonly value: unknown }> = ({ name, value }) => {
  if (typeof value !== 'number' || !name.endsWith('AtMs')) {
    return (
      <>
        <span class="quiet">{name}</span> {String(value)}
      </>
    );
  }
  return (
    <>
      <span class="quiet">{name.slice(0, -'Ms'.length)}</span>{' '}
      <Moment at={new Date(value).toISOString()} />
    </>
  );
};

/** A few names and numbers as they are; all of it is unfolded. */
const Detail: FC<{ readonly of: Readonly<Record<string, unknown>> }> = ({ of: detail }) => {
  const given = Object.entries(detail).filter(([, value]) => value !== null);
  const short = given.filter(
    ([, value]) => typeof value !== 'object' && String(value).length <= LONGEST_SHOWN,
  );
  const shown = short.slice(0, MOST_SHOWN);
  return (
    <>
      {shown.map(([name, value], index) => (
        <>
          {index > 0 && ', '}
          <DetailItem name={name} value={value} />
        </>
      ))}
      {shown.length < given.length && (
        <details>
          <summary>all of it</summary>
          <pre>{JSON.stringify(Object.fromEntries(given), null, 2)}</pre>
        </details>
      )}
    </>
  );
};
