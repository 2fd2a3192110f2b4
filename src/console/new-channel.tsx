import type { Child, FC } from 'hono/jsx';
import { ALERT_URGENCIES, type ChannelAnswer } from '../core/index.js';
import type { SentForm } from './form.js';
import { Options } from './options.js';

/** What the form asks for each kind; another kind's fields may be filled, and stay behind. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  slack: ['urlSecret', 'mentionChannel', 'allowPrivateNetwork'],
  email: ['host', 'port', 'security', 'from', 'to', 'username', 'passwordSecret'],
  webhook: ['url', 'signingSecret', 'allowPrivateNetwork'],
};

/** The body of `POST /v1/notifications`, as the form says it. */
export function channelOf(form: SentForm): Record<string, unknown> {
  return { name: form.text('name') ?? '', settings: settingsOf(form) };
}

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

/** The form of `/channels` for one more: each way with what it needs. */
export const NewChannel: FC<{ readonly form: SentForm | undefined }> = ({ form }) => {
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
