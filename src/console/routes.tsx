import type { Hono } from 'hono';
import type { FC } from 'hono/jsx';
import type {
  PageAnswer,
  Problem,
  RevisionAnswer,
  RoutesAnswer,
  RoutesDocument,
  RoutesInUseAnswer,
  StatusAnswer,
  ValidationAnswer,
} from '../core/index.js';
import { Allowed } from './allowed.js';
import { segment } from './api.js';
import { ConfirmedButton } from './confirmed-button.js';
import type { ConsoleContext, ConsoleEnvironment } from './console-environment.js';
import { DiffView } from './diff-view.js';
import { readForm } from './form.js';
import { renderPage } from './layout.js';
import { Mark } from './mark.js';
import { Moment } from './moment.js';
import { NextPage } from './next-page.js';
import { refusalOf } from './problem-notice.js';
import { refuseBelow } from './refuse-below.js';
import { type Edited, RoutesEditor, textOf } from './routes-editor.js';
import { RoutesTable } from './routes-table.js';
import { ACTIONS, Table } from './table.js';

/** In each environment; each names all that it injects. */
const SHOWN_ROUTES = 50;
const SHOWN_REVISIONS = 20;

/** A routes document as somebody has typed it; `document` is undefined where there are problems. */
export type ReadRoutes = (text: string) => {
  readonly document: RoutesDocument | undefined;
  readonly problems: readonly Problem[];
};

/** `/routes`: what each injects, the document, and its revisions. */
export function addRoutes(app: Hono<ConsoleEnvironment>, readRoutes: ReadRoutes): void {
  app.get('/routes', (context) => show(context));

  app.post('/routes', async (context) => {
    // Before a long document is read.
    const refused = refuseBelow('operator', context, 'Routes');
    if (refused !== undefined) return refused;
    const { api } = context.get('visitor');
    const form = await readForm(context);
    const text = form.exact('document') ?? '';
    const revision = form.number('revision') ?? 0;
    const allowsMissing = form.isChecked('allowMissing');
    // Read here, where line and column of a mistake are known.
    const { document, problems } = readRoutes(text);
    const edited = { text, document, allowsMissing, revision };
    if (document === undefined) {
      return show(context, { ...edited, checked: { valid: false, problems, warnings: [] } });
    }
    const allowMissing = allowsMissing ? '?allowMissing=true' : '';
    if (form.text('do') !== 'apply') {
      const checked = await api.post<ValidationAnswer>(
        `/v1/routes/validate${allowMissing}`,
        document,
      );
      return show(context, { ...edited, checked });
    }
    const problem = await refusalOf(() =>
      api.put(`/v1/routes${allowMissing}`, document, { 'If-Match': `"${revision}"` }),
    );
    if (problem === undefined) return context.redirect('/routes', 303);
    // Only who has been told that somebody was faster may replace what stands there now.
    const isLate = problem.code === 'precondition_failed';
    return show(context, { ...edited, problem, revision: isLate ? undefined : revision });
  });

  app.post('/routes/revisions/:revision/restore', async (context) => {
    const { api } = context.get('visitor');
    const path = `/v1/routes/revisions/${segment(context.req.param('revision'))}/restore`;
    const problem = await refusalOf(() => api.post(path));
    if (problem === undefined) return context.redirect('/routes', 303);
    return show(context, { text: '', problem });
  });

  app.get('/routes/revisions', async (context) => {
    const { api } = context.get('visitor');
    const cursor = context.req.query('cursor');
    const [applied, { items, nextCursor }, status] = await Promise.all([
      api.get<RoutesAnswer>('/v1/routes'),
      api.get<PageAnswer<RevisionAnswer>>('/v1/routes/revisions', { cursor }),
      api.get<StatusAnswer>('/v1/status'),
    ]);
    return renderPage(context, {
      title: 'Revisions of the routes',
      crumbs: [['/routes', 'Routes']],
      children: (
        <>
          <Revisions
            items={items}
            applied={applied.revision}
            canRestore={status.routes.file === null}
          />
          <NextPage path="/routes/revisions" cursor={nextCursor} />
        </>
      ),
    });
  });

  app.get('/routes/revisions/:revision', async (context) => {
    const { api } = context.get('visitor');
    const number = context.req.param('revision');
    const [revision, applied] = await Promise.all([
      api.get<RoutesAnswer>(`/v1/routes/revisions/${segment(number)}`),
      api.get<RoutesAnswer>('/v1/routes'),
    ]);
    return renderPage(context, {
      title: `Routes, revision ${revision.revision}`,
      crumbs: [['/routes', 'Routes']],
      children: (
        <section class="panel" aria-labelledby="difference">
          <h2 id="difference">What revision {applied.revision}, the applied one, changed since</h2>
          <DiffView before={textOf(revision.document)} after={textOf(applied.document)} />
        </section>
      ),
    });
  });
}

async function show(context: ConsoleContext, edited?: Edited): Promise<Response> {
  const { api } = context.get('visitor');
  const query = {
    q: context.req.query('q')?.trim() || undefined,
    failing: context.req.query('failing') === 'true' || undefined,
  };
  const cursor = context.req.query('cursor');
  const [inUse, revisions, status] = await Promise.all([
    api.get<RoutesInUseAnswer>('/v1/routes/in-use', {
      search: query.q,
      failing: query.failing,
      cursor,
      limit: SHOWN_ROUTES,
    }),
    api.get<PageAnswer<RevisionAnswer>>('/v1/routes/revisions', { limit: SHOWN_REVISIONS }),
    api.get<StatusAnswer>('/v1/status'),
  ]);
  const { file } = status.routes;
  const isAll = query.q === undefined && query.failing === undefined && cursor === undefined;
  const isWhole = isAll && inUse.nextCursor === null;
  // A long document is put into the page only when somebody is to edit it.
  const mayEdit = edited !== undefined || isWhole || context.req.query('edit') === 'true';
  const applied = file === null && mayEdit ? await api.get<RoutesAnswer>('/v1/routes') : undefined;
  const newest = revisions.items[0];
  const written = textOf(applied?.document);
  const text = edited === undefined || edited.text === '' ? written : edited.text;
  return renderPage(
    context,
    {
      title: 'Routes',
      children: (
        <>
          {file !== null && (
            <p class="notice">
              The routes are those of the file <code>{file}</code>: change that file, and they are
              applied when it is saved. Here they can only be read, so that file and server say the
              same. To change them here, start the server without <code>--routes</code>.
            </p>
          )}
          <section class="panel" aria-labelledby="applied">
            <h2 id="applied">
              Applied{' '}
              <span class="quiet small">
                revision {newest?.revision ?? 0}
                {newest?.createdBy != null && ` by ${newest.createdBy}`}
              </span>
            </h2>
            {isWhole && inUse.items.length === 0 ? (
              <p class="empty">
                No route yet. A route says where requests go and which secrets they get.{' '}
                {file === null && 'Write the first one below.'}
              </p>
            ) : (
              <RoutesTable page={inUse} query={query} isWhole={isWhole} />
            )}
          </section>
          <Allowed to="operator">
            {file === null && applied === undefined && (
              <p>
                <a href="/routes?edit=true#document">Edit the document</a>
              </p>
            )}
            {applied !== undefined && (
              <RoutesEditor
                text={text}
                applied={written}
                revision={applied.revision}
                edited={edited}
              />
            )}
          </Allowed>
          {newest !== undefined && (
            <Revisions
              items={revisions.items}
              applied={newest.revision}
              canRestore={file === null}
            />
          )}
          <NextPage
            path="/routes/revisions"
            cursor={revisions.nextCursor}
            text="Earlier revisions"
          />
        </>
      ),
    },
    edited?.problem === undefined ? 200 : 422,
  );
}

const Revisions: FC<{
  readonly items: readonly RevisionAnswer[];
  readonly applied: number;
  readonly canRestore: boolean;
}> = ({ items, applied, canRestore }) => (
  <section class="panel" aria-labelledby="revisions">
    <h2 id="revisions">Revisions</h2>
    <Table
      columns={[
        { text: 'Revision', phone: 'title' },
        { text: 'Applied', phone: 'plain' },
        'By',
        'From',
        ACTIONS,
      ]}
    >
      {items.map(({ revision, createdAt, createdBy, source, restores }) => (
        <tr>
          <th scope="row">
            <a href={`/routes/revisions/${revision}`}>{revision}</a>
          </th>
          <td>
            <Moment at={createdAt} />
          </td>
          <td>{createdBy}</td>
          <td>
            {source}
            {restores !== null && `, restores ${restores}`}
          </td>
          <td>
            {revision === applied ? (
              <Mark tone="good">in use</Mark>
            ) : (
              canRestore && (
                <Allowed to="operator">
                  <form method="post" action={`/routes/revisions/${revision}/restore`}>
                    <ConfirmedButton
                      id={`restore-${revision}`}
                      text="Restore"
                      label={`Restore revision ${revision}`}
                      consequence={`Its document is applied again, as the newest revision: requests go by it from now on, and not by revision ${applied}.`}
                      submit={`Restore revision ${revision}`}
                      look="secondary"
                    />
                  </form>
                </Allowed>
              )
            )}
          </td>
        </tr>
      ))}
    </Table>
  </section>
);
