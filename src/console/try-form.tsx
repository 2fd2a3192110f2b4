import type { FC } from 'hono/jsx';
import type { RouteInUseAnswer } from '../core/index.js';
import { Options } from './options.js';

const METHODS = ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

/** A request as it was typed. */
export interface Draft {
  /** Environment, a space, and the route. */
  readonly at: string;
  readonly method: string;
  readonly path: string;
  /** One per line: name, colon, value. */
  readonly headers: string;
  readonly body: string;
  /** A version of this secret in place of the one in use; empty = none. */
  readonly secret: string;
  readonly version: string;
}

interface Props {
  readonly draft: Draft;
  readonly routes: readonly RouteInUseAnswer[];
  /** The route that is tried, where there is one. */
  readonly chosen: RouteInUseAnswer | undefined;
  /** What it is to be asked before it is sent. */
  readonly question: string | undefined;
}

/** The request to send. What has consequences is asked first, also without JavaScript. */
export const TryForm: FC<Props> = ({ draft, routes, chosen, question }) => (
  <>
    {question !== undefined && (
      <section class="notice warn" role="alert" aria-labelledby="question">
        <p id="question">{question}</p>
        <form method="post" action="/routes/try">
          {Object.entries(draft).map(([name, value]) => (
            <input type="hidden" name={name} value={String(value)} />
          ))}
          <input type="hidden" name="confirmed" value="yes" />
          <button type="submit" class="danger">
            Send the {draft.method}
          </button>
        </form>
      </section>
    )}
    <section class="panel" aria-labelledby="request">
      <h2 id="request">The request</h2>
      <p class="quiet">
        It is sent as an app's would be, to the upstream of the route and nowhere else. What the
        route places is shown by name and version, never its value. It counts as no use, and stands
        in the audit log.
      </p>
      <form method="post" action="/routes/try">
        <div class="tiles">
          <label>
            Route and environment
            <select name="at" required>
              <option value="">choose one</option>
              {routes.map(({ route, environment }) => {
                const at = `${environment} ${route}`;
                return (
                  <option value={at} selected={at === draft.at}>
                    {`${route} in ${environment}`}
                  </option>
                );
              })}
            </select>
          </label>
          <label>
            Method
            <select name="method">
              <Options of={METHODS} chosen={draft.method} />
            </select>
          </label>
          <label>
            Path
            <input
              name="path"
              value={draft.path}
              pattern="/.*"
              title={'It begins with "/"'}
              autocomplete="off"
            />
            <small>As an app writes it: with the prefix of the route. It may have a query.</small>
          </label>
        </div>
        <label>
          Headers
          <textarea name="headers" rows={3} spellcheck={false} class="code">
            {draft.headers}
          </textarea>
          <small>One per line, as Content-Type: application/json. No token is needed.</small>
        </label>
        <label>
          Body
          <textarea name="body" rows={4} spellcheck={false} class="code">
            {draft.body}
          </textarea>
        </label>
        {chosen !== undefined && chosen.injects.length > 0 && (
          <details open={draft.version !== ''}>
            <summary>With another version</summary>
            <div class="tiles">
              <label>
                Secret
                <select name="secret">
                  <Options
                    of={chosen.injects.filter(({ pinned }) => !pinned).map(({ secret }) => secret)}
                    chosen={draft.secret}
                  />
                </select>
              </label>
              <label>
                Version
                <input name="version" type="number" min="1" value={draft.version} />
                <small>Also a staged one. Empty: the one in use.</small>
              </label>
            </div>
          </details>
        )}
        <button type="submit">Send</button>
      </form>
    </section>
  </>
);
