import { Option } from 'commander';
import type { Query } from './api-client.js';
import { parseMoment } from './describe-time.js';

export interface AuditFilterOptions {
  readonly action?: string;
  readonly secret?: string;
  readonly environment?: string;
  readonly actor?: string;
  readonly since?: string;
  readonly until?: string;
}

/** The options that choose rows of the audit log. */
export function auditFilterOptions(): Option[] {
  return [
    new Option('--action <action>', 'only this action, or all that begin so (version.)'),
    new Option('--secret <name>', 'only about this secret'),
    new Option('-e, --environment <name>', 'only in this environment'),
    new Option('--actor <name>', 'only by this admin (name or id)'),
    new Option('--since <when>', 'not before: 7d, 12h, or 2026-11-01T00:00:00Z'),
    new Option('--until <when>', 'before: 1d, or 2026-12-01'),
  ];
}

/** The same as parameters of the API. */
export function auditFilterQuery(options: AuditFilterOptions, nowMs: number): Query {
  const { action, secret, environment, actor, since, until } = options;
  const moment = (text: string | undefined, option: string): string | undefined =>
    text === undefined ? undefined : parseMoment(text, option, 'past', nowMs);
  return {
    action,
    secret,
    environment,
    actor,
    since: moment(since, '--since'),
    until: moment(until, '--until'),
  };
}
