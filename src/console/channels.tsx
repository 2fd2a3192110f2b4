import type { Hono } from 'hono';
import type { Child, FC } from 'hono/jsx';
import {
  ALERT_URGENCIES,
  type AlertUrgency,
  type ChannelAnswer,
  type DeliveryAnswer,
  type PageAnswer,
} from '../core/index.js';
import { Allowed } from './allowed.js';
import { type ApiProblem, segment } from './api.js';
import { ConfirmedButton } from './confirmed-button.js';
import type { ConsoleContext, ConsoleEnvironment } from './console-environment.js';
import { readForm, type SentForm } from './form.js';
import { renderPage } from './layout.js';
import { Mark, type Tone, wordsOf } from './mark.js';
import { Distance } from './moment.js';
import { Options } from './options.js';
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
    const body = { name: form.text('name') ?? '', settings: settingsOf(form) };
    const problem = await refusalOf(() => api.post('/v1/notifications', body));
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

/** What the form asks for each kind; another kind's fields may be filled, and stay behind. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  slack: ['urlSecret', 'mentionChannel', 'allowPrivateNetwork'],
  email: ['host', 'port', 'security', 'from', 'to', 'username', 'passwordSecret'],
  webhook: ['url', 'signingSecret', 'allowPrivateNetwork'],
};

function settingsOf(form: SentForm): Record<string, unknown> {
  const kind = form.text('kind') ?? '';
  const read = (name: string): unknown => {
    if (name === 'port') return form.amount(name);
    if (name === 'to') return form.list(name);
    if (name === 'mentionChannel') return form.isChecked(name) || undefined;
    if (name === 'allowPrivateNetwork') return form.isChecked(`${kind}.${name}`) || undefined;
    return form.text(name);
  };
  const given = ['leastUrgency', ...(FIELDS[kind] ?? [])].map(
    (name) => [name, read(name)] as const,
  );
  return { kind, ...Object.fromEntries(given.filter(([, value]) => value !== undefined)) };
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

const NewChannel: FC<{ readonly form: SentForm | undefined }> = ({ form }) => {
  const text = (name: string): string => form?.text(name) ?? '';
  const kind = form?.text('kind') ?? 'slack';
  return (
    <section class="panel" aria-labelledby="new-channel">
      <h2 id="new-channel">New channel</h2>
      <p class="quiet small">
        Credentials are secrets of the environment <code>_providers</code>, named here.
      </p>
      <form method="post" action="/channels">
        <div class="tiles">
          <label>
            Name
            <input name="name" required value={text('name')} />
          </label>
          <label>
            Nothing less urgent than
            <select name="leastUrgency">
              <Options of={ALERT_URGENCIES} chosen={text('leastUrgency')} />
            </select>
          </label>
        </div>
        <fieldset>
          <legend>How</legend>
          <Way kind="slack" text="Slack" chosen={kind}>
            <label>
              Secret with the webhook's address
              <input name="urlSecret" value={text('urlSecret')} />
            </label>
            <label>
              <input
                type="checkbox"
                name="mentionChannel"
                checked={form?.isChecked('mentionChannel')}
              />{' '}
              @channel for what is urgent
            </label>
            <PrivateNetwork kind="slack" form={form} />
          </Way>
          <Way kind="email" text="E-mail" chosen={kind}>
            <label>
              Mail server
              <input name="host" value={text('host')} placeholder="smtp.example.com" />
            </label>
            <label>
              Port
              <input name="port" type="number" min="1" max="65535" value={text('port')} />
            </label>
            <label>
              TLS
              <select name="security">
                <Options of={SECURITIES} chosen={text('security')} text={securityText} />
              </select>
            </label>
            <label>
              From
              <input name="from" value={text('from')} />
            </label>
            <label>
              To
              <input name="to" value={form?.list('to')?.join(', ') ?? ''} />
            </label>
            <label>
              User name
              <input name="username" value={text('username')} autocomplete="off" />
            </label>
            <label>
              Secret with the password
              <input name="passwordSecret" value={text('passwordSecret')} />
            </label>
          </Way>
          <Way kind="webhook" text="Webhook" chosen={kind}>
            <label>
              Address
              <input name="url" type="url" value={text('url')} />
            </label>
            <label>
              Secret that signs
              <input name="signingSecret" value={text('signingSecret')} />
            </label>
            <PrivateNetwork kind="webhook" form={form} />
          </Way>
          <Way kind="log" text="The program log" chosen={kind} />
        </fieldset>
        <button type="submit">Create channel</button>
      </form>
    </section>
  );
};

const SECURITIES = ['starttls', 'tls', 'none'] as const;
const SECURITY_TEXTS: Readonly<Record<string, string>> = {
  starttls: 'STARTTLS, required',
  tls: 'from the first byte',
  none: 'none: only to this machine',
};
const securityText = (one: string): string => SECURITY_TEXTS[one] ?? one;

const PrivateNetwork: FC<{
  readonly kind: 'slack' | 'webhook';
  readonly form: SentForm | undefined;
}> = ({ kind, form }) => {
  const name = `${kind}.allowPrivateNetwork`;
  return (
    <label>
      <input type="checkbox" name={name} checked={form?.isChecked(name)} /> its address may be a
      private one
    </label>
  );
};

/** What it needs is shown where it is chosen. */
const Way: FC<{
  readonly kind: ChannelAnswer['settings']['kind'];
  readonly text: string;
  readonly chosen: string;
  readonly children?: Child;
}> = ({ kind, text, chosen, children }) => (
  <div class="way">
    <label>
      <input type="radio" name="kind" value={kind} checked={kind === chosen} /> {text}
    </label>
    {children !== undefined && <div class="tiles">{children}</div>}
  </div>
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
