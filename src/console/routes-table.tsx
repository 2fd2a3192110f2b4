import type { FC } from 'hono/jsx';
import type { RouteInUseAnswer, RouteMatch, RoutesInUseAnswer } from '../core/index.js';
import { Allowed } from './allowed.js';
import { segment, withQuery } from './api.js';
import { Mark } from './mark.js';
import { NextPage } from './next-page.js';
import { ACTIONS, Table } from './table.js';

/** What is looked for. */
interface RoutesQuery {
  readonly q?: string | undefined;
  readonly failing?: boolean | undefined;
}

interface Props {
  readonly page: RoutesInUseAnswer;
  readonly query: RoutesQuery;
  /** Whether there are few enough to be seen at once. */
  readonly isWhole: boolean;
}

/** That requests fail for want of a value, and which; nothing where they do not. */
export const FailingRoutes: FC<{ readonly count: number; readonly areShown?: boolean }> = ({
  count,
  areShown = false,
}) =>
  count === 0 ? null : (
    <p class="notice bad">
      {count === 1 ? 'One route fails' : `${count} routes fail`} in an environment: every request
      there is refused, and nothing is sent. {!areShown && <a href="/routes?failing=true">Show</a>}
    </p>
  );

/** What each route injects, by environment; what fails stands out. */
export const RoutesTable: FC<Props> = ({
  page: { items, nextCursor, failing },
  query,
  isWhole,
}) => (
  <>
    <FailingRoutes count={failing} areShown={query.failing === true} />
    {(!isWhole || items.length > 10) && (
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
    {items.length === 0 ? (
      <p class="empty">
        None is like that. <a href="/routes">Show all</a>
      </p>
    ) : (
      <Rows rows={items} />
    )}
    <NextPage path="/routes" cursor={nextCursor} query={{ ...query }} />
  </>
);

const Rows: FC<{ readonly rows: readonly RouteInUseAnswer[] }> = ({ rows }) => (
  <Table
    columns={[
      'Route',
      { text: 'Environment', phone: 'lead' },
      { text: 'Matches', phone: 'plain' },
      { text: 'Upstream', phone: 'plain' },
      { text: 'Injects', phone: 'plain' },
      ACTIONS,
    ]}
  >
    {rows.map((one) => {
      const { route: name, match, environment, upstream, failure, served } = one;
      return (
        <tr>
          <th scope="row" class="name">
            {name}
          </th>
          <td>
            {environment}
            {!served && <div class="quiet small">not served here</div>}
          </td>
          <td class="name">{describeMatch(match)}</td>
          <td class="name">{upstream}</td>
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
              <Allowed to="operator">
                <a
                  href={withQuery('/routes/try', { at: `${environment} ${name}` })}
                  aria-label={`Try it: ${name} in ${environment}`}
                >
                  Try it
                </a>
              </Allowed>
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

function describeMatch({ methods, host, pathPrefix }: RouteMatch): string {
  return [methods?.join(', '), `${host ?? ''}${pathPrefix ?? ''}`]
    .filter((part) => part !== undefined && part !== '')
    .join(' ');
}
