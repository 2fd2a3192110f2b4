import type { Hono } from 'hono';
import type { FC } from 'hono/jsx';
import { type AdminAnswer, type PageAnswer, ROLES } from '../core/index.js';
import { type ApiProblem, segment, withQuery } from './api.js';
import { HolderState } from './clients.js';
import { ConfirmedButton } from './confirmed-button.js';
import type { ConsoleContext, ConsoleEnvironment } from './console-environment.js';
import { readForm, type SentForm } from './form.js';
import { renderPage } from './layout.js';
import { Distance, Moment } from './moment.js';
import { Options } from './options.js';
import { ProblemNotice, refusalOf } from './problem-notice.js';
import { refuseBelow } from './refuse-below.js';
import { ShownOnce } from './shown-once.js';
import { ACTIONS, Table } from './table.js';

interface SessionAnswer {
  readonly id: string;
  readonly admin: { readonly id: string; readonly name: string; readonly role: string };
  readonly origin: string;
  readonly createdAt: string;
  readonly lastSeenAt: string;
}

interface Shown {
  readonly form?: SentForm;
  readonly problem?: ApiProblem | undefined;
  readonly created?: { readonly name: string; readonly token: string };
}

/** `/admins`: who may see and change what, and who is signed in. */
export function addAdmins(app: Hono<ConsoleEnvironment>): void {
  app.get('/admins', (context) => show(context, {}));

  app.post('/admins', async (context) => {
    const form = await readForm(context);
    const made: { token?: string } = {};
    const problem = await refusalOf(async () => {
      const { api } = context.get('visitor');
      const days = form.number('days');
      const answer = await api.post<{ token: string }>('/v1/admins', {
        name: form.text('name') ?? '',
        role: form.text('role') ?? 'viewer',
        environments: form.list('environments') ?? null,
        secretPrefix: form.text('secretPrefix') ?? null,
        expiresAt:
          days === undefined ? null : new Date(Date.now() + days * 86_400_000).toISOString(),
      });
      made.token = answer.token;
    });
    if (problem !== undefined || made.token === undefined) return show(context, { form, problem });
    return show(context, { created: { name: form.text('name') ?? '', token: made.token } });
  });

  app.post('/admins/:id/revoke', (context) =>
    change(context, `/v1/admins/${segment(context.req.param('id'))}`),
  );
  app.post('/admins/:id/sign-out', (context) =>
    change(context, withQuery('/v1/sessions', { admin: context.req.param('id') })),
  );
}

async function change(context: ConsoleContext, path: string): Promise<Response> {
  const problem = await refusalOf(() => context.get('visitor').api.delete(path));
  return problem === undefined ? context.redirect('/admins', 303) : show(context, { problem });
}

async function show(context: ConsoleContext, { form, problem, created }: Shown): Promise<Response> {
  const title = 'Admins';
  const refused = refuseBelow('admin', context, title);
  if (refused !== undefined) return refused;
  const { api } = context.get('visitor');
  const [admins, sessions] = await Promise.all([
    api.get<PageAnswer<AdminAnswer>>('/v1/admins', { limit: 1000 }),
    api.get<PageAnswer<SessionAnswer>>('/v1/sessions', { limit: 1000 }),
  ]);
  const nowMs = Date.now();
  return renderPage(
    context,
    {
      title,
      children: (
        <>
          <ProblemNotice problem={problem} />
          {created !== undefined && (
            <ShownOnce what={`The token of ${created.name}`} token={created.token} />
          )}
          <section class="panel">
            <AdminsTable items={admins.items} nowMs={nowMs} />
          </section>
          <NewAdmin form={form} />
          <section class="panel" aria-labelledby="sessions">
            <h2 id="sessions">Signed in at the console</h2>
            <SessionsTable items={sessions.items} nowMs={nowMs} />
          </section>
        </>
      ),
    },
    problem === undefined ? 200 : 422,
  );
}

const AdminsTable: FC<{ readonly items: readonly AdminAnswer[]; readonly nowMs: number }> = ({
  items,
  nowMs,
}) => (
  <Table
    columns={[
      'Admin',
      { text: 'Role', phone: 'plain' },
      { text: 'State', phone: 'lead' },
      'Environments',
      'Secrets',
      'Created',
      ACTIONS,
    ]}
  >
    {items.map((admin) => (
      <tr>
        <th scope="row" class="name">
          {admin.name}
        </th>
        <td>{admin.role}</td>
        <td>
          <HolderState holder={admin} nowMs={nowMs} />
        </td>
        <td>{admin.environments?.join(', ') ?? 'all'}</td>
        <td>{admin.secretPrefix === null ? 'all' : `${admin.secretPrefix}*`}</td>
        <td>
          <Moment at={admin.createdAt} />
        </td>
        <td>
          {admin.revokedAt === null && (
            <form method="post" action={`/admins/${segment(admin.id)}/revoke`}>
              <ConfirmedButton
                id={`revoke-${admin.id}`}
                text="Revoke"
                label={`Revoke the admin ${admin.name}`}
                consequence="The token and all its sessions end at once, and cannot be brought back."
                submit="Revoke the admin"
                look="danger"
              />
            </form>
          )}
        </td>
      </tr>
    ))}
  </Table>
);

const NewAdmin: FC<{ readonly form: SentForm | undefined }> = ({ form }) => (
  <section class="panel" aria-labelledby="new-admin">
    <h2 id="new-admin">New admin</h2>
    <form method="post" action="/admins">
      <div class="tiles">
        <label>
          Name
          <input name="name" required value={form?.text('name') ?? ''} />
        </label>
        <label>
          Role
          <select name="role">
            <Options of={ROLES} chosen={form?.text('role')} />
          </select>
          <small>
            viewer reads; operator also changes secrets, routes and clients; admin everything.
          </small>
        </label>
        <label>
          Environments
          <input name="environments" value={form?.list('environments')?.join(', ') ?? ''} />
          <small>Separated by commas; empty: all.</small>
        </label>
        <label>
          Secrets that begin with
          <input name="secretPrefix" value={form?.text('secretPrefix') ?? ''} />
          <small>Empty: all.</small>
        </label>
        <label>
          Ends after, days
          <input name="days" type="number" min="1" value={form?.text('days') ?? ''} />
          <small>Empty: never.</small>
        </label>
      </div>
      <button type="submit">Create admin</button>
    </form>
  </section>
);

const SessionsTable: FC<{
  readonly items: readonly SessionAnswer[];
  readonly nowMs: number;
}> = ({ items, nowMs }) => (
  <Table columns={['Who', { text: 'Role', phone: 'plain' }, 'By', 'Since', 'Last seen', ACTIONS]}>
    {items.map(({ admin, origin, createdAt, lastSeenAt }, index) => (
      <tr>
        <th scope="row" class="name">
          {admin.name}
        </th>
        <td>{admin.role}</td>
        <td>{origin}</td>
        <td>
          <Moment at={createdAt} />
        </td>
        <td>
          <Distance at={lastSeenAt} nowMs={nowMs} />
        </td>
        <td>
          <form method="post" action={`/admins/${segment(admin.id)}/sign-out`}>
            <ConfirmedButton
              id={`sign-out-${index}`}
              text="Sign out everywhere"
              title={`Sign ${admin.name} out everywhere?`}
              consequence="All sessions of this admin end at once, in every browser. The admin token stays as it is."
              submit="Sign out everywhere"
              look="secondary"
            />
          </form>
        </td>
      </tr>
    ))}
  </Table>
);
