import type { Hono } from 'hono';
import type { FC } from 'hono/jsx';
import type { ClientAnswer, PageAnswer } from '../core/index.js';
import { Allowed } from './allowed.js';
import { type ApiProblem, segment } from './api.js';
import { ConfirmedButton } from './confirmed-button.js';
import type { ConsoleContext, ConsoleEnvironment } from './console-environment.js';
import { environmentNames } from './environment-names.js';
import { readForm, type SentForm } from './form.js';
import { renderPage } from './layout.js';
import { Mark } from './mark.js';
import { Distance, Moment } from './moment.js';
import { NextPage } from './next-page.js';
import { Options } from './options.js';
import { ProblemNotice, refusalOf } from './problem-notice.js';
import { ShownOnce } from './shown-once.js';
import { ACTIONS, Table } from './table.js';

const ROWS = 100;

interface Shown {
  readonly form?: SentForm;
  readonly problem?: ApiProblem | undefined;
  /** The token of a client that was just created. */
  readonly created?: { readonly name: string; readonly token: string };
}

/** `/clients`: apps that may send requests. */
export function addClients(app: Hono<ConsoleEnvironment>): void {
  app.get('/clients', (context) => show(context, {}));

  app.post('/clients', async (context) => {
    const { api } = context.get('visitor');
    const form = await readForm(context);
    const made: { token?: string } = {};
    const problem = await refusalOf(async () => {
      const answer = await api.post<{ token: string }>('/v1/clients', {
        name: form.text('name') ?? '',
        environment: form.text('environment') ?? '',
        routes: form.list('routes') ?? null,
        cidrs: form.list('cidrs') ?? null,
      });
      made.token = answer.token;
    });
    if (problem !== undefined || made.token === undefined) return show(context, { form, problem });
    return show(context, { created: { name: form.text('name') ?? '', token: made.token } });
  });

  app.post('/clients/:id/revoke', async (context) => {
    const { api } = context.get('visitor');
    const path = `/v1/clients/${segment(context.req.param('id'))}`;
    const problem = await refusalOf(() => api.delete(path));
    return problem === undefined ? context.redirect('/clients', 303) : show(context, { problem });
  });
}

async function show(context: ConsoleContext, { form, problem, created }: Shown): Promise<Response> {
  const { api } = context.get('visitor');
  const cursor = context.req.query('cursor');
  const [page, environments] = await Promise.all([
    api.get<PageAnswer<ClientAnswer>>('/v1/clients', { cursor, limit: ROWS }),
    environmentNames(api),
  ]);
  return renderPage(
    context,
    {
      title: 'Clients',
      children: (
        <>
          <ProblemNotice problem={problem} />
          {created !== undefined && (
            <ShownOnce what={`The token of ${created.name}`} token={created.token} />
          )}
          <section class="panel">
            {page.items.length === 0 ? (
              <p class="empty">
                No client yet. An app needs a token of its own
                <Allowed to="operator">: create its client below</Allowed>.
              </p>
            ) : (
              <ClientsTable items={page.items} nowMs={Date.now()} />
            )}
            <NextPage path="/clients" cursor={page.nextCursor} />
          </section>
          <Allowed to="operator">
            <section class="panel" aria-labelledby="new-client">
              <h2 id="new-client">New client</h2>
              <form method="post" action="/clients">
                <div class="tiles">
                  <label>
                    Name
                    <input name="name" required value={form?.text('name') ?? ''} />
                  </label>
                  <label>
                    Environment
                    <select name="environment" required>
                      <Options of={environments} chosen={form?.text('environment')} />
                    </select>
                  </label>
                  <label>
                    Routes it may use
                    <input name="routes" value={form?.list('routes')?.join(', ') ?? ''} />
                    <small>Separated by commas; empty: all.</small>
                  </label>
                  <label>
                    Networks it may come from
                    <input
                      name="cidrs"
                      placeholder="10.0.0.0/8"
                      value={form?.list('cidrs')?.join(', ') ?? ''}
                    />
                    <small>Separated by commas; empty: any.</small>
                  </label>
                </div>
                <button type="submit">Create client</button>
              </form>
            </section>
          </Allowed>
        </>
      ),
    },
    problem === undefined ? 200 : 422,
  );
}

const ClientsTable: FC<{ readonly items: readonly ClientAnswer[]; readonly nowMs: number }> = ({
  items,
  nowMs,
}) => (
  <Table
    columns={[
      'Client',
      { text: 'Environment', phone: 'plain' },
      { text: 'State', phone: 'lead' },
      'Routes',
      'Networks',
      'Last used',
      'Created',
      ACTIONS,
    ]}
  >
    {items.map((client) => (
      <tr>
        <th scope="row" class="name">
          {client.name}
        </th>
        <td>{client.environment}</td>
        <td>
          <HolderState holder={client} nowMs={nowMs} />
        </td>
        <td>{client.routes?.join(', ') ?? 'all'}</td>
        <td>{client.cidrs?.join(', ') ?? 'any'}</td>
        <td>
          <Distance at={client.lastUsedAt} nowMs={nowMs} />
        </td>
        <td>
          <Moment at={client.createdAt} />
        </td>
        <td>
          {client.revokedAt === null && (
            <Allowed to="operator">
              <form method="post" action={`/clients/${segment(client.id)}/revoke`}>
                <ConfirmedButton
                  id={`revoke-${client.id}`}
                  text="Revoke"
                  label={`Revoke the client ${client.name}`}
                  consequence="Its next request is refused. Its token cannot be brought back; the app needs a new client."
                  submit="Revoke the client"
                  look="danger"
                />
              </form>
            </Allowed>
          )}
        </td>
      </tr>
    ))}
  </Table>
);

/** Whether a token still counts. */
export const HolderState: FC<{
  readonly holder: Pick<ClientAnswer, 'revokedAt' | 'expiresAt'>;
  readonly nowMs: number;
}> = ({ holder: { revokedAt, expiresAt }, nowMs }) => {
  if (revokedAt !== null) return <Mark tone="quiet">revoked</Mark>;
  if (expiresAt === null) return <Mark tone="good">active</Mark>;
  if (Date.parse(expiresAt) <= nowMs) return <Mark tone="bad">expired</Mark>;
  return (
    <>
      <Mark tone="good">active</Mark>{' '}
      <span class="small">
        ends <Distance at={expiresAt} nowMs={nowMs} />
      </span>
    </>
  );
};
