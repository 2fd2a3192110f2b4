import { Option } from 'commander';
import { addAuditCheckpoint } from './audit-checkpoint.js';
import { type AuditFilterOptions, auditFilterOptions, auditFilterQuery } from './audit-filter.js';
import { addAuditVerify } from './audit-verify.js';
import { addCommand, addNoun, type Registry, type Session, wholeNumber } from './command.js';
import { describeMoment } from './describe-time.js';
import { addAuditExport } from './export-audit.js';

interface AuditAnswer {
  readonly seq: number;
  readonly at: string;
  readonly actor: { readonly type: string; readonly id: string; readonly name: string };
  readonly action: string;
  readonly secret: string | null;
  readonly environment: string | null;
  readonly detail: Readonly<Record<string, unknown>>;
}

interface ListOptions extends AuditFilterOptions {
  readonly oldestFirst?: boolean;
  readonly limit?: number;
}

const DEFAULT_LIMIT = 50;

/** `keyferry audit list|verify|checkpoint|export`. */
export function addAudit(registry: Registry): void {
  const noun = addNoun(registry, 'audit', 'who did what, and proof that nobody changed the log');
  addCommand<ListOptions>(noun, {
    usage: 'list',
    summary: 'list the audit log, newest first',
    example: 'audit list --secret stripe_api_key --since 7d',
    options: [
      ...auditFilterOptions(),
      new Option('--oldest-first', 'in the order in which it happened'),
      wholeNumber('--limit <rows>', `at most so many rows (default ${DEFAULT_LIMIT})`),
    ],
    act: list,
  });
  addAuditVerify(noun);
  addAuditCheckpoint(noun);
  addAuditExport(noun);
}

async function list(
  { api, json, terminal, nowMs }: Session,
  { limit = DEFAULT_LIMIT, oldestFirst, ...filter }: ListOptions,
): Promise<void> {
  const query = {
    ...auditFilterQuery(filter, nowMs),
    order: oldestFirst === true ? 'oldest' : undefined,
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
