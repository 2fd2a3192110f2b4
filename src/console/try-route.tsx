import type { Hono } from 'hono';
import type { RouteInUseAnswer, RoutesInUseAnswer, TryRouteAnswer } from '../core/index.js';
import { type ApiProblem, segment } from './api.js';
import type { ConsoleContext, ConsoleEnvironment } from './console-environment.js';
import { readForm, type SentForm } from './form.js';
import { renderPage } from './layout.js';
import { ProblemNotice, refusalOf } from './problem-notice.js';
import { refuseBelow } from './refuse-below.js';
import { type Draft, TryForm } from './try-form.js';
import { TryResult } from './try-result.js';

/** Methods that change nothing at the upstream (RFC 9110 section 9.2.1). */
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);
/** Nobody looks through more in a select: the page of the routes finds them. */
const MOST_OFFERED = 200;

interface Shown {
  readonly draft: Draft;
  /** It is to be asked whether it is really meant. */
  readonly asks?: boolean;
  readonly problem?: ApiProblem | undefined;
  readonly answer?: TryRouteAnswer;
}

/** `/routes/try`: one request through a route, and what was sent. */
export function addTryRoute(app: Hono<ConsoleEnvironment>): void {
  app.get('/routes/try', (context) =>
    show(context, { draft: { ...EMPTY, at: context.req.query('at') ?? '' } }),
  );

  app.post('/routes/try', async (context) => {
    const form = await readForm(context);
    const draft = readDraft(form);
    if (!SAFE.has(draft.method) && form.text('confirmed') !== 'yes') {
      return show(context, { draft, asks: true });
    }
    const made: { answer?: TryRouteAnswer } = {};
    const problem = await refusalOf(async () => {
      made.answer = await send(context, draft);
    });
    return show(context, { draft, problem, ...made });
  });
}

const EMPTY: Draft = {
  at: '',
  method: 'GET',
  path: '',
  headers: '',
  body: '',
  secret: '',
  version: '',
};

function readDraft(form: SentForm): Draft {
  return {
    at: form.text('at') ?? '',
    method: form.text('method') ?? 'GET',
    path: form.text('path') ?? '',
    headers: form.exact('headers') ?? '',
    body: form.exact('body') ?? '',
    secret: form.text('secret') ?? '',
    version: form.text('version') ?? '',
  };
}

function send(context: ConsoleContext, draft: Draft): Promise<TryRouteAnswer> {
  const { api } = context.get('visitor');
  const [environment, route] = splitAt(draft.at);
  const { method, path, headers, body, secret, version } = draft;
  return api.post<TryRouteAnswer>(
    `/v1/routes/${segment(route)}/environments/${segment(environment)}/try`,
    {
      method,
      ...(path === '' ? {} : { path }),
      headers: readHeaders(headers),
      ...(body === '' ? {} : { body }),
      ...(version === '' ? {} : { with: { secret, version: Number(version) } }),
    },
  );
}

/** What has no colon is sent as a name, which the API then refuses. */
function readHeaders(text: string): Record<string, string> {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return colon === -1
        ? [line, '']
        : [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
    }),
  );
}

/** Environments hold no space. */
function splitAt(at: string): [environment: string, route: string] {
  const space = at.indexOf(' ');
  return space === -1 ? [at, ''] : [at.slice(0, space), at.slice(space + 1)];
}

async function show(
  context: ConsoleContext,
  { draft, asks = false, problem, answer }: Shown,
): Promise<Response> {
  const title = 'Try a route';
  const refused = refuseBelow('operator', context, title);
  if (refused !== undefined) return refused;
  const { api } = context.get('visitor');
  const [environment, name] = splitAt(draft.at);
  const [some, ofRoute] = await Promise.all([
    api.get<RoutesInUseAnswer>('/v1/routes/in-use', { limit: MOST_OFFERED }),
    name === '' ? undefined : api.get<RoutesInUseAnswer>('/v1/routes/in-use', { route: name }),
  ]);
  const isServed = (one: RouteInUseAnswer): boolean => one.served;
  const itsOwn = ofRoute?.items.filter(isServed) ?? [];
  const chosen = itsOwn.find((one) => one.environment === environment);
  const served =
    some.nextCursor === null || itsOwn.length === 0 ? some.items.filter(isServed) : itsOwn;
  const upstream = chosen?.upstream;
  const prefix = chosen?.match.pathPrefix ?? '/';
  const filled = answer === undefined && draft.path === '' ? { ...draft, path: prefix } : draft;
  return renderPage(
    context,
    {
      title,
      crumbs: [['/routes', 'Routes']],
      children: (
        <>
          <ProblemNotice problem={problem} />
          {served.length === 0 ? (
            <p class="empty">
              There is no route to try yet. <a href="/routes">Write one first.</a>
            </p>
          ) : (
            <>
              {answer !== undefined && <TryResult answer={answer} inUse={chosen} />}
              <TryForm
                draft={filled}
                routes={served}
                chosen={chosen}
                question={
                  asks
                    ? `This sends a real ${draft.method} to ${upstream === undefined ? name : new URL(upstream).host} with the values of ${environment}. What it changes there stays changed.`
                    : undefined
                }
              />
            </>
          )}
        </>
      ),
    },
    problem === undefined ? 200 : 422,
  );
}
