import { Option } from 'commander';
import type { AlertAnswer } from '../core/index.js';
import { segment } from './api-client.js';
import { addCommand, addNoun, type Registry, type Session } from './command.js';
import { describeAgo } from './describe-time.js';

interface ListOptions {
  readonly open?: boolean;
  readonly all?: boolean;
  readonly kind?: string;
  readonly secret?: string;
  readonly environment?: string;
}

/** `keyferry alerts [list]|acknowledge`. */
export function addAlerts(registry: Registry): void {
  const noun = addNoun(registry, 'alerts', 'what needs a person, and what to do');
  addCommand<ListOptions>(noun, {
    usage: 'list',
    isDefault: true,
    summary: 'list alerts, newest first; those that nobody has acknowledged unless said otherwise',
    example: 'alerts list --kind secret_overdue',
    options: [
      new Option('--open', 'also those that are acknowledged, and whose cause goes on'),
      new Option('--all', 'also those that are closed').conflicts('open'),
      new Option('--kind <kind>', 'only of this kind (cutover_rolled_back, secret_overdue, …)'),
      new Option('--secret <name>', 'only about this secret'),
      new Option('-e, --environment <name>', 'only about this environment'),
    ],
    act: list,
  });
  addCommand<{ readonly note?: string }>(noun, {
    usage: 'acknowledge <id>',
    summary: 'say that somebody has seen it',
    example: 'alerts acknowledge 019aa3c1-7f0e-7000-8d53-5a0c1f1f2a11 --note "key was replaced"',
    options: [new Option('--note <text>', 'kept with the alert and in the audit log')],
    async act({ api, json, terminal }, { note }, id) {
      const path = `/v1/alerts/${segment(id)}/acknowledge`;
      const alert = await api().post<AlertAnswer>(path, note === undefined ? {} : { note });
      if (json) return terminal.json(alert);
      const then = alert.closedAt === null ? 'It closes when its cause is over.' : 'It is closed.';
      terminal.print(`Acknowledged. ${then}`);
    },
  });
}

async function list(
  { api, json, terminal, nowMs }: Session,
  { open, all, kind, secret, environment }: ListOptions,
): Promise<void> {
  const query = {
    kind,
    secret,
    environment,
    open: all === true ? undefined : true,
    acknowledged: all === true || open === true ? undefined : false,
  };
  const items = await api().listPaged<AlertAnswer>('/v1/alerts', query);
  if (json) return terminal.json({ items });
  if (items.length === 0) return terminal.print('Nothing needs you.');
  for (const [index, alert] of items.entries()) {
    if (index > 0) terminal.print();
    printAlert(alert, terminal, nowMs);
  }
}

function printAlert(alert: AlertAnswer, terminal: Session['terminal'], nowMs: number): void {
  const { paint } = terminal;
  const style = { urgent: paint.red, warning: paint.yellow, notice: paint.bold }[alert.urgency];
  terminal.print(`${alert.urgency}  ${alert.kind}`, style);
  const times = alert.count === 1 ? '' : `, ${alert.count} times`;
  const seen = alert.acknowledgedAt === null ? null : alert.acknowledgedBy;
  terminal.facts({
    what: alert.summary,
    about: describeSubject(alert),
    since: `${describeAgo(alert.since, nowMs)}${times}, last seen ${describeAgo(alert.lastSeenAt, nowMs)}`,
    'to do': alert.whatToDo,
    run: alert.command,
    acknowledged: seen === null ? null : [seen, alert.note].filter((it) => it !== null).join(': '),
    closed: alert.closedBecause,
    id: alert.id,
  });
}

function describeSubject({
  secret,
  version,
  environment,
  route,
  client,
}: AlertAnswer): string | null {
  const named = { secret, version, environment, route, client };
  const parts = Object.entries(named).filter(([, value]) => value !== null);
  return parts.length === 0 ? null : parts.map(([name, value]) => `${name} ${value}`).join(', ');
}
