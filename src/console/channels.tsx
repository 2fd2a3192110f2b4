import type { Hono } from 'hono';
import type { FC } from 'hono/jsx';
import type { AlertUrgency, ChannelAnswer, DeliveryAnswer, PageAnswer } from '../core/index.js';
import { Allowed } from './allowed.js';
import { type ApiProblem, segment } from './api.js';
import { ConfirmedButton } from './confirmed-button.js';
import type { ConsoleContext, ConsoleEnvironment } from './console-environment.js';
import { readForm, type SentForm } from './form.js';
import { renderPage } from './layout.js';
import { Mark, type Tone, wordsOf } from './mark.js';
import { Distance } from './moment.js';
import { channelOf, NewChannel } from './new-channel.js';
import { ProblemNotice, refusalOf } from './problem-notice.js';
import { ACTIONS, Table } from './table.js';

const SHOWN_DELIVERIES = 20;

const DELIVERY_TONES: Readonly<Record<DeliveryAnswer['state'], Tone>> = {
  sent: 'good',
  waiting: 'warn',
  given_up: 'bad',
};

/** Beside what it is told of. */
const TOLD: Readonly<Record<AlertUrgency, string>> = {
  notice: '',
  warning: ' that is a warning or urgent',
  urgent: ' that is urgent',
};

interface Shown {
  readonly problem?: ApiProblem | undefined;
  readonly form?: SentForm;
  /** What came of a test message. */
  readonly tested?: { readonly sent: boolean; readonly problem: string | null };
}

/** `/channels`: who is told what needs a person, and whether it arrives. */
export function addChannels(app: Hono<ConsoleEnvironment>): void {
  app.get('/channels', (context) => show(context, {}));

  app.post('/channels', async (context) => {
    const { api } = context.get('visitor');
    const form = await readForm(context);
    const problem = await refusalOf(() => api.post('/v1/notifications', channelOf(form)));
    if (problem !== undefined) return show(context, { problem, form });
    return context.redirect('/channels', 303);
  });

  app.post('/channels/:id/test', async (context) => {
    const { api } = context.get('visitor');
    const found: { tested?: { sent: boolean; problem: string | null } } = {};
    const problem = await refusalOf(async () => {
      const path = `/v1/notifications/${segment(context.req.param('id'))}/test`;
      found.tested = await api.post(path);
    });
    return show(context, { problem, ...found });
  });

  app.post('/channels/:id/delete', async (context) => {
    const { api } = context.get('visitor');
    const path = `/v1/notifications/${segment(context.req.param('id'))}`;
    const problem = await refusalOf(() => api.delete(path));
    return problem === undefined ? context.redirect('/channels', 303) : show(context, { problem });
  });
}

async function show(context: ConsoleContext, { problem, form, tested }: Shown): Promise<Response> {
  const { api } = context.get('visitor');
  const [channels, deliveries] = await Promise.all([
    api.get<PageAnswer<ChannelAnswer>>('/v1/notifications'),
    api.get<PageAnswer<DeliveryAnswer>>('/v1/notifications/deliveries', {
      limit: SHOWN_DELIVERIES,
    }),
  ]);
  const nowMs = Date.now();
  return renderPage(
    context,
    {
      title: 'Channels',
      children: (
        <>
          <ProblemNotice problem={problem} />
          {tested !== undefined && (
            <p class={`notice ${tested.sent ? 'good' : 'bad'}`} role="status">
              {tested.sent ? 'Sent: look whether it is there.' : `Not sent: ${tested.problem}`}
            </p>
          )}
          <section class="panel">
            {channels.items.length === 0 ? (
              <p class="empty">No channel yet: nobody is told but by the page of alerts.</p>
            ) : (
              <ChannelsTable items={channels.items} nowMs={nowMs} />
            )}
          </section>
          <Allowed to="admin">
            <NewChannel form={form} />
          </Allowed>
          <section class="panel" aria-labelledby="deliveries">
            <h2 id="deliveries">Messages</h2>
            {deliveries.items.length === 0 ? (
              <p class="quiet">None yet.</p>
            ) : (
              <DeliveriesTable items={deliveries.items} nowMs={nowMs} />
            )}
          </section>
        </>
      ),
    },
    problem === undefined ? 200 : 422,
  );
}

const ChannelsTable: FC<{ readonly items: readonly ChannelAnswer[]; readonly nowMs: number }> = ({
  items,
  nowMs,
}) => (
  <Table
    columns={[
      'Channel',
      { text: 'Kind', phone: 'lead' },
      'Told of',
      'Last sent',
      { text: 'Problem', phone: 'wide' },
      ACTIONS,
    ]}
  >
    {items.map(({ id, name, settings, lastSentAt, lastProblem }) => (
      <tr>
        <th scope="row" class="name">
          {name}
        </th>
        <td>{settings.kind}</td>
        <td>
          {settings.events?.map(wordsOf).join(', ') ?? 'everything'}
          {TOLD[settings.leastUrgency]}
        </td>
        <td>
          <Distance at={lastSentAt} nowMs={nowMs} />
        </td>
        <td class="small">{lastProblem ?? ''}</td>
        <td>
          <div class="actions">
            <Allowed to="operator">
              <form method="post" action={`/channels/${segment(id)}/test`}>
                <button type="submit" class="secondary">
                  Send a test
                </button>
              </form>
            </Allowed>
            <Allowed to="admin">
              <form method="post" action={`/channels/${segment(id)}/delete`}>
                <ConfirmedButton
                  id={`delete-${id}`}
                  text="Delete"
                  label={`Delete the channel ${name}`}
                  consequence="Nobody is told by it any more, and messages that wait for it are dropped."
                  submit="Delete the channel"
                  look="danger"
                />
              </form>
            </Allowed>
          </div>
        </td>
      </tr>
    ))}
  </Table>
);

const DeliveriesTable: FC<{
  readonly items: readonly DeliveryAnswer[];
  readonly nowMs: number;
}> = ({ items, nowMs }) => (
  <Table
    columns={[
      { text: 'Message', phone: 'title' },
      { text: 'When', phone: 'plain' },
      { text: 'Channel', phone: 'plain' },
      { text: 'State', phone: 'lead' },
      { text: 'Problem', phone: 'wide' },
    ]}
  >
    {items.map((delivery) => (
      <tr>
        <th scope="row">{delivery.title}</th>
        <td>
          <Distance at={delivery.createdAt} nowMs={nowMs} />
        </td>
        <td>{delivery.channel ?? 'deleted'}</td>
        <td>
          <Mark tone={DELIVERY_TONES[delivery.state]}>{delivery.state.replace('_', ' ')}</Mark>
        </td>
        <td class="small">{delivery.problem ?? ''}</td>
      </tr>
    ))}
  </Table>
);
