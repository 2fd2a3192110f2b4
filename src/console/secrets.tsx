import type { Hono } from 'hono';
import type { FC } from 'hono/jsx';
import {
  type PageAnswer,
  PROVIDERS_ENVIRONMENT,
  type SecretAnswer,
  type SecretEnvironmentAnswer,
} from '../core/index.js';
import { Allowed } from './allowed.js';
import { segment } from './api.js';
import type { ConsoleContext, ConsoleEnvironment } from './console-environment.js';
import { environmentNames } from './environment-names.js';
import { renderPage } from './layout.js';
import { AGE_SIGNS, AGE_TONES, Mark } from './mark.js';
import { Distance } from './moment.js';
import { NextPage } from './next-page.js';
import { SecretFilters, type SecretsQuery } from './secret-filters.js';
import { SortHeader } from './sort-header.js';

const ROWS = 100;
const PATH = '/secrets';

/** `/secrets`: every key, its age and its use, environments side by side. */
export function addSecrets(app: Hono<ConsoleEnvironment>): void {
  app.get(PATH, async (context) => {
    const { api } = context.get('visitor');
    const cursor = context.req.query('cursor');
    const query = queryOf(context);
    const [page, names] = await Promise.all([
      api.get<PageAnswer<SecretAnswer>>('/v1/secrets', { ...query, cursor, limit: ROWS }),
      environmentNames(api),
    ]);
    const { sort: _, order: __, ...filters } = query;
    const isFiltered = Object.values(filters).some((value) => value !== undefined);
    const isEmpty = page.items.length === 0 && !isFiltered && cursor === undefined;
    return renderPage(context, {
      title: 'Secrets',
      actions: (
        <Allowed to="operator">
          <a class="button" href="/secrets/new">
            New secret
          </a>
        </Allowed>
      ),
      children: (
        <>
          {!isEmpty && <SecretFilters path={PATH} query={query} environments={names} />}
          <section class="panel">
            {page.items.length > 0 ? (
              <SecretsTable
                items={page.items}
                environments={names}
                query={query}
                nowMs={Date.now()}
              />
            ) : !isEmpty ? (
              <p class="empty">
                No secret fits. <a href={PATH}>Show all secrets.</a>
              </p>
            ) : (
              <p class="empty">
                No secret yet.{' '}
                <Allowed to="operator">
                  <a href="/secrets/new">Create the first one.</a>
                </Allowed>
              </p>
            )}
            <NextPage path={PATH} cursor={page.nextCursor} query={query} />
          </section>
        </>
      ),
    });
  });
}

/** In the words of the API, which says what is wrong with them. */
function queryOf(context: ConsoleContext): SecretsQuery {
  const given = (name: string): string | undefined => context.req.query(name)?.trim() || undefined;
  return {
    search: given('search'),
    environment: given('environment'),
    old: given('old'),
    unusedForDays: given('unusedForDays'),
    withoutRoutes: given('withoutRoutes'),
    missingValue: given('missingValue'),
    sort: given('sort') ?? 'name',
    order: given('order'),
  };
}

const SecretsTable: FC<{
  readonly items: readonly SecretAnswer[];
  readonly environments: readonly string[];
  readonly query: SecretsQuery;
  readonly nowMs: number;
}> = ({ items, environments, query, nowMs }) => (
  <div class="scrolls" tabindex={0}>
    <table>
      <thead>
        <tr>
          <SortHeader text="Secret" path={PATH} query={query} by="name" />
          <SortHeader text="Age" path={PATH} query={query} by="age" first="desc" phone="lead" />
          <SortHeader text="Last used" path={PATH} query={query} by="lastUsed" />
          {environments.map((name) => (
            <th scope="col">{name}</th>
          ))}
          <th scope="col">Routes</th>
          <SortHeader
            text="Next rotation"
            path={PATH}
            query={query}
            by="nextRotation"
            phone="drop"
          />
        </tr>
      </thead>
      <tbody>
        {items.map((secret) => (
          <tr>
            <th scope="row">
              <a class="name" href={`/secrets/${segment(secret.name)}`}>
                {secret.name}
              </a>
            </th>
            <td>
              <AgeMarked mark={secret.mark} ageDays={secret.ageDays} />
            </td>
            <td>
              <Distance at={secret.lastUsedAt} nowMs={nowMs} />
            </td>
            {environments.map((name) => (
              <InEnvironment secret={secret} environment={name} />
            ))}
            <td>
              <RoutesOf secret={secret} />
            </td>
            <td>
              <Distance at={secret.nextRotationAt} nowMs={nowMs} never="–" past="due now" />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  </div>
);

const AgeMarked: FC<Pick<SecretEnvironmentAnswer, 'mark' | 'ageDays'>> = ({ mark, ageDays }) =>
  mark === null ? (
    <span class="quiet">–</span>
  ) : (
    <Mark tone={AGE_TONES[mark]}>{`${AGE_SIGNS[mark]} ${mark}, ${ageDays} d`}</Mark>
  );

const RoutesOf: FC<{ readonly secret: SecretAnswer }> = ({ secret: { routes, environments } }) => {
  if (routes.length > 0) return <>{routes.join(', ')}</>;
  // What rotations and channels use, no route can name.
  const isCredential = environments.some((held) => held.environment === PROVIDERS_ENVIRONMENT);
  return isCredential ? <span class="quiet">for providers</span> : <Mark tone="warn">none</Mark>;
};

const InEnvironment: FC<{ readonly secret: SecretAnswer; readonly environment: string }> = ({
  secret,
  environment,
}) => {
  const found = secret.environments.find((held) => held.environment === environment);
  if (found?.currentVersion == null) {
    if (secret.routesByEnvironment[environment] !== undefined) {
      return (
        <td>
          <Mark tone="bad">
            missing<span class="unseen">, routes need it</span>
          </Mark>
        </td>
      );
    }
    // Nobody asks for it there: said, not shouted.
    const isElsewhere = secret.environments.some(({ currentVersion }) => currentVersion !== null);
    return (
      <td class="absent">
        <span class="quiet">{isElsewhere ? 'no value' : '–'}</span>
      </td>
    );
  }
  return (
    <td class="held">
      v{found.currentVersion}{' '}
      {found.mark !== null && found.mark !== 'fresh' && (
        <Mark tone={AGE_TONES[found.mark]}>
          {AGE_SIGNS[found.mark]}
          <span class="unseen"> {found.mark},</span> {found.ageDays} d
        </Mark>
      )}
      {found.cutover !== null && (
        <div>
          <Mark tone="warn">{`cutover ${found.cutover.percent} %`}</Mark>
        </div>
      )}
    </td>
  );
};
