import { Option } from 'commander';
import {
  ALERT_URGENCIES,
  CHANNEL_KINDS,
  type ChannelAnswer,
  type ChannelKind,
  type DeliveryAnswer,
  nearestName,
} from '../core/index.js';
import { segment } from './api-client.js';
import { addCommand, addNoun, type Registry, repeated, type Session } from './command.js';
import { CommandFailure } from './command-failure.js';
import { type ConfirmOptions, confirm, yesOption } from './confirm.js';
import { describeAgo } from './describe-time.js';
import { readTextFile } from './read-text-file.js';

interface SettingsOptions {
  readonly kind: ChannelKind;
  readonly event?: readonly string[];
  readonly leastUrgency?: string;
  readonly cooldown?: string;
  readonly smtp?: string;
  readonly security?: string;
  readonly from?: string;
  readonly to?: readonly string[];
  readonly username?: string;
  readonly passwordSecret?: string;
  readonly caFile?: string;
  readonly urlSecret?: string;
  readonly mentionChannel?: boolean;
  readonly url?: string;
  readonly signingSecret?: string;
  readonly allowPrivateNetwork?: boolean;
}

const NOTHING = '–';

const settingsOptions = (): Option[] => [
  new Option('--kind <kind>', 'how it tells').choices(CHANNEL_KINDS).makeOptionMandatory(),
  repeated('--event <event>', 'tell only of this (repeatable; default: of everything)'),
  new Option('--least-urgency <urgency>', 'nothing less urgent').choices(ALERT_URGENCIES),
  new Option('--cooldown <minutes>', 'the same about the same not again sooner (default: 60)'),
  new Option('--smtp <host:port>', 'email: the mail server'),
  new Option('--security <how>', 'email').choices(['starttls', 'tls', 'none']),
  new Option('--from <address>', 'email: the sender'),
  repeated('--to <address>', 'email: a recipient (repeatable)'),
  new Option('--username <name>', 'email: user name at the mail server'),
  new Option('--password-secret <secret>', 'email: the secret of _providers with the password'),
  new Option('--ca-file <file>', 'email: PEM of an authority that is trusted too'),
  new Option('--url-secret <secret>', 'slack: the secret of _providers with the webhook address'),
  new Option('--mention-channel', 'slack: @channel for what is urgent'),
  new Option('--url <url>', 'webhook: where to post'),
  new Option('--signing-secret <secret>', 'webhook: the secret of _providers that signs (whsec_…)'),
  new Option('--allow-private-network', 'slack, webhook: the address may be a private one'),
];

/** `keyferry notifications create|list|show|update|delete|test|deliveries`. */
export function addNotifications(registry: Registry): void {
  const noun = addNoun(registry, 'notifications', 'who is told what needs a person, and how');
  addCommand<SettingsOptions>(noun, {
    usage: 'create <name>',
    summary: 'create a channel: email, slack, webhook or log',
    example: 'notifications create on-call --kind slack --url-secret slack_on_call',
    notes: ['Credentials are secrets of the environment _providers: create them there first.'],
    options: settingsOptions(),
    async act({ api, json, terminal }, options, name) {
      const settings = await settingsOf(options, { terminal });
      const channel = await api().post<ChannelAnswer>('/v1/notifications', { name, settings });
      if (json) return terminal.json(channel);
      terminal.print(`Created channel ${channel.name}.`);
      terminal.hint(`See whether it arrives: keyferry notifications test ${channel.name}`);
    },
  });
  addCommand(noun, {
    usage: 'list',
    isDefault: true,
    summary: 'list channels',
    example: 'notifications list',
    act: list,
  });
  addCommand(noun, {
    usage: 'show <channel>',
    summary: 'show a channel',
    example: 'notifications show on-call',
    async act(session, _options, name) {
      const channel = await find(session, name);
      if (session.json) return session.terminal.json(channel);
      const { kind, ...settings } = channel.settings;
      const facts = Object.entries(settings).map(([key, value]) => [key, describeValue(value)]);
      session.terminal.print(`${channel.name}  ${kind}`);
      session.terminal.facts({
        ...Object.fromEntries(facts),
        'last sent': describeAgo(channel.lastSentAt, session.nowMs),
        problem: channel.lastProblem,
        waiting: channel.waiting === 0 ? null : String(channel.waiting),
      });
    },
  });
  addCommand<SettingsOptions>(noun, {
    usage: 'update <channel>',
    summary: 'give a channel other settings, all of them',
    example: 'notifications update on-call --kind slack --url-secret slack_on_call',
    options: settingsOptions(),
    async act(session, options, name) {
      const { id } = await find(session, name);
      const settings = await settingsOf(options, session);
      const path = `/v1/notifications/${segment(id)}`;
      const channel = await session.api().put<ChannelAnswer>(path, { settings });
      if (session.json) return session.terminal.json(channel);
      session.terminal.print(`Updated channel ${channel.name}.`);
    },
  });
  addCommand<ConfirmOptions>(noun, {
    usage: 'delete <channel>',
    summary: 'delete a channel, and what it has not sent',
    example: 'notifications delete on-call',
    options: [yesOption()],
    async act(session, options, name) {
      const channel = await find(session, name);
      await confirm(session, options, `Delete the channel ${channel.name}? Nobody is told by it.`);
      await session.api().delete(`/v1/notifications/${segment(channel.id)}`);
      if (session.json) return session.terminal.json({ id: channel.id, deleted: true });
      session.terminal.print(`Deleted channel ${channel.name}.`);
    },
  });
  addCommand(noun, {
    usage: 'test <channel>',
    summary: 'send a test message now',
    example: 'notifications test on-call',
    async act(session, _options, name) {
      const channel = await find(session, name);
      const path = `/v1/notifications/${segment(channel.id)}/test`;
      const answer = await session
        .api()
        .post<{ readonly sent: boolean; readonly problem: string | null }>(path);
      if (session.json) session.terminal.json(answer);
      else if (answer.sent)
        session.terminal.print(`Sent by ${channel.name}: look whether it is there.`);
      if (!answer.sent) {
        throw new CommandFailure(`nothing was sent by ${channel.name}: ${answer.problem ?? ''}`, {
          exitCode: 2,
        });
      }
    },
  });
  addCommand<{ readonly channel?: string }>(noun, {
    usage: 'deliveries',
    summary: 'list messages that were sent, wait, or were given up, newest first',
    example: 'notifications deliveries --channel on-call',
    options: [new Option('--channel <name>', 'only of this channel')],
    act: deliveries,
  });
}

async function settingsOf(
  options: SettingsOptions,
  { terminal }: Pick<Session, 'terminal'>,
): Promise<Record<string, unknown>> {
  const { smtp, caFile, cooldown } = options;
  // An IPv6 address with a port stands in brackets.
  const [, inBrackets, name, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(smtp ?? '') ?? [];
  const given = {
    kind: options.kind,
    events: options.event,
    leastUrgency: options.leastUrgency,
    cooldownMinutes: cooldown === undefined ? undefined : Number(cooldown),
    host: inBrackets ?? name ?? smtp,
    port: port === undefined ? undefined : Number(port),
    security: options.security,
    from: options.from,
    to: options.to,
    username: options.username,
    passwordSecret: options.passwordSecret,
    ca: caFile === undefined ? undefined : await readTextFile(caFile, '--ca-file', terminal),
    urlSecret: options.urlSecret,
    mentionChannel: options.mentionChannel,
    url: options.url,
    signingSecret: options.signingSecret,
    allowPrivateNetwork: options.allowPrivateNetwork,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

async function find({ api }: Session, name: string): Promise<ChannelAnswer> {
  const items = await api().listPaged<ChannelAnswer>('/v1/notifications');
  const found = items.find((channel) => channel.name === name || channel.id === name);
  if (found !== undefined) return found;
  const nearest = nearestName(
    name,
    items.map((channel) => channel.name),
  );
  const hint = nearest === undefined ? '' : `; did you mean "${nearest}"?`;
  throw new CommandFailure(`there is no channel "${name}"${hint}`);
}

async function list({ api, json, terminal, nowMs }: Session): Promise<void> {
  const items = await api().listPaged<ChannelAnswer>('/v1/notifications');
  if (json) return terminal.json({ items });
  if (items.length === 0) {
    terminal.print('No channel: nobody is told but by `keyferry alerts`.');
    return;
  }
  terminal.table(
    [
      { title: 'CHANNEL', shrinks: true },
      { title: 'KIND' },
      { title: 'EVENTS', shrinks: true },
      { title: 'LAST SENT' },
      { title: 'WAITING' },
      { title: 'PROBLEM', shrinks: true },
    ],
    items.map((channel) => [
      channel.name,
      channel.settings.kind,
      channel.settings.events?.join(', ') ?? 'all',
      describeAgo(channel.lastSentAt, nowMs),
      String(channel.waiting),
      channel.lastProblem ?? NOTHING,
    ]),
  );
}

async function deliveries(session: Session, { channel }: { channel?: string }): Promise<void> {
  const { api, json, terminal, nowMs } = session;
  const id = channel === undefined ? undefined : (await find(session, channel)).id;
  const path = '/v1/notifications/deliveries';
  const items = await api().listPaged<DeliveryAnswer>(path, { channel: id });
  if (json) return terminal.json({ items });
  if (items.length === 0) return terminal.print('Nothing was sent yet.');
  terminal.table(
    [
      { title: 'WHEN' },
      { title: 'CHANNEL', shrinks: true },
      { title: 'MESSAGE', shrinks: true },
      { title: 'STATE' },
      { title: 'ATTEMPTS' },
      { title: 'PROBLEM', shrinks: true },
    ],
    items.map((one) => [
      describeAgo(one.createdAt, nowMs),
      one.channel ?? NOTHING,
      one.title,
      one.state,
      String(one.attempts),
      one.problem ?? NOTHING,
    ]),
  );
}

function describeValue(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  return Array.isArray(value) ? value.join(', ') : String(value);
}
