import type { Hono } from 'hono';
import type { FC } from 'hono/jsx';
import type { PageAnswer, SecretAnswer, SecretEnvironmentAnswer } from '../core/index.js';
import { segment } from './api.js';
import type { ConsoleEnvironment } from './console-environment.js';
import { environmentNames } from './environment-names.js';
import { renderPage } from './layout.js';
import { AGE_TONES, Mark } from './mark.js';
import { Distance } from './moment.js';
import { NextPage } from './next-page.js';

const ROWS = 100;

/** `/secrets`: every key, its age and its use, environments side by side. */
export function addSecrets(app: Hono<ConsoleEnvironment>): void {
  app.get('/secrets', async (context) => {
    const { api } = context.get('visitor');
    const cursor = context.req.query('cursor');
    const [page, names] = await Promise.all([
      api.get<PageAnswer<SecretAnswer>>('/v1/secrets', { cursor, limit: ROWS }),
      environmentNames(api),
    ]);
    return renderPage(context, {
      title: 'Secrets',
      actions: (
        <a class="button" href="/secrets/new">
          New secret
        </a>
      ),
      children: (
        <section class="panel">
          {page.items.length === 0 ? (
            <p class="empty">
              No secret yet. <a href="/secrets/new">Create the first one.</a>
            </p>
          ) : (
            <SecretsTable items={page.items} environments={names} nowMs={Date.now()} />
          )}
          <NextPage path="/secrets" cursor={page.nextCursor} />
        </section>
      ),
    });
  });
}

const SecretsTable: FC<{
  readonly items: readonly SecretAnswer[];
  readonly environments: readonly string[];
  readonly nowMs: number;
}> = ({ items, environments, nowMs }) => (
  <div class="scrolls" tabindex={0}>
    <table>
      <thead>
        <tr>
          <th scope="col">Secret</th>
          {environments.map((name) => (
            <th scope="col">{name}</th>
          ))}
          <th scope="col">Routes</th>
          <th scope="col">Last used</th>
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
            {environments.map((name) => (
              <td>
                <InEnvironment
                  found={secret.environments.find(({ environment }) => environment === name)}
                  routes={secret.routesByEnvironment[name] ?? []}
                />
              </td>
            ))}
            <td>
              {secret.routes.length === 0 ? (
                <Mark tone="warn">none</Mark>
              ) : (
                secret.routes.join(', ')
              )}
            </td>
            <td>
              <Distance at={secret.lastUsedAt} nowMs={nowMs} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  </div>
);

const InEnvironment: FC<{
  readonly found: SecretEnvironmentAnswer | undefined;
  readonly routes: readonly string[];
}> = ({ found, routes }) => {
  if (found === undefined || found.currentVersion === null) {
    return routes.length > 0 ? <Mark tone="bad">missing</Mark> : <span class="quiet">–</span>;
  }
  return (
    <>
      v{found.currentVersion}{' '}
      {found.mark !== null && (
        <Mark tone={AGE_TONES[found.mark]}>{`${found.mark}, ${found.ageDays} d`}</Mark>
      )}
      {found.cutover !== null && <Mark tone="warn">{`cutover ${found.cutover.percent} %`}</Mark>}
    </>
  );
};
