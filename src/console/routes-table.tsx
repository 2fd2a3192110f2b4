import type { FC } from 'hono/jsx';
import type { Route, RouteInUseAnswer } from '../core/index.js';
import { type Query, segment, withQuery } from './api.js';
import { Mark } from './mark.js';
import { NextPage } from './next-page.js';
import { ACTIONS, Table } from './table.js';

const ROWS_PER_PAGE = 100;

interface Props {
  readonly routes: readonly Route[];
  readonly inUse: readonly RouteInUseAnswer[];
  /** What is looked for, and from which row on. */
  readonly query: {
    readonly q?: string | undefined;
    readonly failing?: boolean | undefined;
    readonly cursor?: string | undefined;
  };
}

/** What each route injects, by environment; what fails stands out. */
export const RoutesTable: FC<Props> = ({ routes, inUse, query }) => {
  const byName = new Map(routes.map((route) => [route.name, route]));
  const failing = inUse.filter(({ failure }) => failure !== null);
  const found = inUse.filter(
    (one) =>
      (query.failing !== true || one.failure !== null) &&
      (query.q === undefined || textOf(one, byName.get(one.route)).includes(query.q.toLowerCase())),
  );
  const from = Math.max(0, Math.trunc(Number(query.cursor ?? '0')) || 0);
  const rows = found.slice(from, from + ROWS_PER_PAGE);
  const next = from + ROWS_PER_PAGE < found.length ? String(from + ROWS_PER_PAGE) : null;
  const kept: Query = { q: query.q, failing: query.failing };
  return (
    <>
      {failing.length > 0 && (
        <p class="notice bad">
          {failing.length === 1 ? 'One route fails' : `${failing.length} routes fail`} in an
          environment: every request there is refused, and nothing is sent.{' '}
          {query.failing !== true && <a href="/routes?failing=true">Show</a>}
        </p>
      )}
      {(inUse.length > 10 || query.q !== undefined || query.failing === true) && (
        <form method="get" action="/routes" class="row">
          <label>
            Route, secret, environment or upstream
            <input type="search" name="q" value={query.q ?? ''} />
          </label>
          <label>
            <input type="checkbox" name="failing" value="true" checked={query.failing === true} />{' '}
            only those that fail
          </label>
          <button type="submit" class="secondary">
            Find
          </button>
        </form>
      )}
      {rows.length === 0 ? (
        <p class="empty">
          None is like that. <a href="/routes">Show all</a>
        </p>
      ) : (
        <Rows rows={rows} byName={byName} />
      )}
      <NextPage path="/routes" cursor={next} query={kept} />
    </>
  );
};

const Rows: FC<{
  readonly rows: readonly RouteInUseAnswer[];
  readonly byName: ReadonlyMap<string, Route>;
}> = ({ rows, byName }) => (
  <Table columns={['Route', 'Matches', 'Environment', 'Upstream', 'Injects', ACTIONS]}>
    {rows.map((one) => {
      const { route: name, environment, failure, served } = one;
      const route = byName.get(name);
      return (
        <tr>
          <th scope="row" class="name">
            {name}
          </th>
          <td>{route !== undefined && describeMatch(route)}</td>
          <td>
            {environment}
            {!served && <div class="quiet small">not served here</div>}
          </td>
          <td class="name">{route?.environments[environment]?.upstream}</td>
          <td>
            <Injects of={one} />
            {failure !== null && (
              <div>
                <Mark tone="bad">fails</Mark> <span class="small">{failure.detail}</span>
              </div>
            )}
          </td>
          <td>
            {served && (
              <a
                href={withQuery('/routes/try', { at: `${environment} ${name}` })}
                aria-label={`Try it: ${name} in ${environment}`}
              >
                Try it
              </a>
            )}
          </td>
        </tr>
      );
    })}
  </Table>
);

const Injects: FC<{ readonly of: RouteInUseAnswer }> = ({
  of: { injects, environment, served },
}) => (
  <>
    {injects.length === 0 && <span class="quiet">nothing</span>}
    {injects.map(({ secret, version, pinned }) => (
      <div>
        <a class="name" href={`/secrets/${segment(secret)}#${segment(environment)}`}>
          {secret}
        </a>{' '}
        {version !== null ? (
          <span class="quiet">
            v{version}
            {pinned && ', pinned'}
          </span>
        ) : (
          served && <Mark tone="bad">no value</Mark>
        )}
      </div>
    ))}
  </>
);

function describeMatch({ match }: Route): string {
  const { methods, host, pathPrefix } = match;
  return [methods?.join(', '), `${host ?? ''}${pathPrefix ?? ''}`]
    .filter((part) => part !== undefined && part !== '')
    .join(' ');
}

function textOf(
  { route, environment, injects }: RouteInUseAnswer,
  found: Route | undefined,
): string {
  const upstream = found?.environments[environment]?.upstream ?? '';
  const secrets = injects.map(({ secret }) => secret);
  return [route, environment, upstream, ...secrets].join(' ').toLowerCase();
}
