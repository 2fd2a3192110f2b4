import { Option } from 'commander';
import type { AuditVerification } from '../core/index.js';
import { addCommand, addNoun, type Registry, type Session, wholeNumber } from './command.js';
import { describeMoment, parseMoment } from './describe-time.js';

interface AuditAnswer {
  readonly seq: number;
  readonly at: string;
  readonly actor: { readonly type: string; readonly id: string; readonly name: string };
  readonly action: string;
  readonly secret: string | null;
  readonly environment: string | null;
  readonly detail: Readonly<Record<string, unknown>>;
}

interface ListOptions {
  readonly action?: string;
  readonly secret?: string;
  readonly environment?: string;
  readonly actor?: string;
  readonly since?: string;
  readonly limit?: number;
}

const DEFAULT_LIMIT = 50;

/** `keyferry audit list|verify`. */
export function addAudit(registry: Registry): void {
  const noun = addNoun(registry, 'audit', 'who did what, and proof that nobody changed the log');
  addCommand<ListOptions>(noun, {
    usage: 'list',
    summary: 'list the audit log, newest first',
    example: 'audit list --secret stripe_api_key --since 7d',
    options: [
      new Option('--action <action>', 'only this action, or all that begin so (version.)'),
      new Option('--secret <name>', 'only about this secret'),
      new Option('-e, --environment <name>', 'only in this environment'),
      new Option('--actor <name>', 'only by this admin'),
      new Option('--since <when>', 'not older: 7d, 12h, or 2026-11-01T00:00:00Z'),
      wholeNumber('--limit <rows>', `at most so many rows (default ${DEFAULT_LIMIT})`),
    ],
    act: list,
  });
  addCommand(noun, {
    usage: 'verify',
    summary: 'check that every row of the audit log follows from the one before it',
    example: 'audit verify',
    async act({ api, json, terminal }) {
      const answer = await api().get<AuditVerification>('/v1/audit/verify');
      if (json) terminal.json(answer);
      else if (answer.ok) terminal.print(`✓ The audit log is whole: ${answer.rows} rows.`);
      else terminal.print(`✗ The audit log was changed: row ${answer.firstBroken} does not fit.`);
      return answer.ok ? 0 : 2;
    },
  });
}

async function list(
  { api, json, terminal, nowMs }: Session,
  { limit = DEFAULT_LIMIT, since, ...filter }: ListOptions,
): Promise<void> {
  const query = {
    ...filter,
    since: since === undefined ? undefined : parseMoment(since, '--since', 'past', nowMs),
  };
  const items = await api().listPaged<AuditAnswer>('/v1/audit', query, limit);
  if (json) return terminal.json({ items });
  if (items.length === 0) return terminal.print('No rows fit.');
  terminal.table(
    [
      { title: 'ROW', align: 'right' },
      { title: 'TIME' },
      { title: 'ACTOR', shrinks: true },
      { title: 'ACTION' },
      { title: 'SECRET', shrinks: true },
      { title: 'ENVIRONMENT', shrinks: true },
      { title: 'DETAIL', shrinks: true },
    ],
    items.map((row) => [
      String(row.seq),
      describeMoment(row.at),
      row.actor.name,
      row.action,
      row.secret ?? '–',
      row.environment ?? '–',
      describeDetail(row.detail) || '–',
    ]),
  );
}

function describeDetail(detail: Readonly<Record<string, unknown>>): string {
  return Object.entries(detail)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ');
}
