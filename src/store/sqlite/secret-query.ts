import { AGEING_SHARE, type SecretFilter } from '../../core/index.js';
import { beginsWith, type Condition, joined } from './condition.js';

/** A query of secrets by `listed_secrets AS l`, a row for each. */
export interface SecretQuery {
  /** Of what follows FROM. */
  readonly tables: Condition;
  /** Of the secret's own. */
  readonly rows: readonly Condition[];
  /** Of what it holds: of each row, or of each group where `held` are sums. */
  readonly holdings: readonly Condition[];
  readonly held: Held;
}

/** SQL for what a secret's environments come to. */
export interface Held {
  /** Whether each is a sum over the rows of a group. */
  readonly areSums: boolean;
  /** In how many it has a value. */
  readonly values: string;
  readonly isReserved: string;
  /** Of the current versions: the oldest, and the one that ends first. */
  readonly createdAtMs: string;
  readonly expiresAtMs: string;
  readonly lastUsedAtMs: string;
  readonly rotateAtMs: string;
}

const DAY_MS = 86_400_000;

const HELD_ANYWHERE: Held = {
  areSums: false,
  values: 'l."values"',
  isReserved: 'l.is_reserved',
  createdAtMs: 'l.created_at_ms',
  expiresAtMs: 'l.expires_at_ms',
  lastUsedAtMs: 'l.last_used_at_ms',
  rotateAtMs: 'l.rotate_at_ms',
};
/** Summed from the environments within the scope. */
const HELD_IN_SCOPE: Held = {
  areSums: true,
  values: 'count(s.created_at_ms)',
  isReserved: 'coalesce(max(s.is_reserved), 0)',
  createdAtMs: 'min(s.created_at_ms)',
  expiresAtMs: 'min(s.expires_at_ms)',
  lastUsedAtMs: 'max(s.last_used_at_ms)',
  rotateAtMs: 'min(s.rotate_at_ms)',
};

const HAS_WORD = `(SELECT s.name LIKE w.text ESCAPE '\\' OR s.description LIKE w.text ESCAPE '\\'
  OR s.owner LIKE w.text ESCAPE '\\' FROM (SELECT ? AS text) AS w)`;

/**
 * The query of a filter. `inUse` is in how many environments a secret has a value, of those that the filter is
 * limited to. What lies in others is left out first, so that nothing tells of it by what a filter lets through.
 */
export function secretQuery(filter: SecretFilter, inUse: number, nowMs: number): SecretQuery {
  const { namePrefix = '', environment, environments } = filter;
  const scope = environments === undefined ? undefined : JSON.stringify(environments);
  const held = scope === undefined ? HELD_ANYWHERE : HELD_IN_SCOPE;
  const tables: Condition[] = [{ sql: 'listed_secrets AS l', values: [] }];
  const rows: Condition[] = [];
  const holdings: Condition[] = [];
  const add = (to: Condition[], sql: string, ...values: unknown[]): void =>
    void to.push({ sql, values });

  // The few environments of a secret are read at once: with the plus sign, none is looked up by itself.
  if (scope !== undefined) {
    add(
      tables,
      `LEFT JOIN listed_environments AS s ON s.name = l.name
         AND +s.environment IN (SELECT value FROM json_each(?))`,
      scope,
    );
    // One without any version is everybody's.
    add(holdings, "count(s.environment) > 0 OR l.environments = ''");
  }
  if (environment !== undefined) add(rows, 'instr(l.environments, ?) > 0', `,${environment},`);
  if (namePrefix !== '') rows.push(beginsWith('l.name', namePrefix));
  const words = filter.search?.split(/\s+/).filter((text) => text !== '') ?? [];
  if (words.length > 0) {
    // All in one pass over the secrets.
    add(
      rows,
      `l.name IN (SELECT s.name FROM secrets AS s WHERE ${words.map(() => HAS_WORD).join(' AND ')})`,
      ...words.map((word) => `%${word.replaceAll(/[\\%_]/g, '\\$&')}%`),
    );
  }
  if (filter.label !== undefined) {
    const [name, ...rest] = filter.label.split('=');
    add(
      rows,
      `l.name IN (SELECT s.name FROM secrets AS s WHERE s.labels <> '{}' AND EXISTS (
         SELECT 1 FROM json_each(s.labels) AS j WHERE j.key = ? AND j.value = coalesce(?, j.value)))`,
      name,
      rest.length === 0 ? null : rest.join('='),
    );
  }
  if (filter.withoutRoutes === true) {
    add(
      rows,
      `NOT EXISTS (SELECT 1 FROM route_references AS r WHERE r.secret = l.name
         AND (? IS NULL OR r.environment IN (SELECT value FROM json_each(?))))`,
      scope ?? null,
      scope ?? null,
    );
  }
  if (filter.unusedForDays !== undefined) {
    const sinceMs = nowMs - filter.unusedForDays * DAY_MS;
    add(holdings, `coalesce(${held.lastUsedAtMs}, 0) <= ?`, sinceMs);
  }
  if (filter.missingValue === true) add(holdings, `${held.values} < ?`, inUse);
  const { missingValue, withoutRoutes, unusedForDays } = filter;
  if (missingValue === true || withoutRoutes === true || unusedForDays !== undefined) {
    // What only Keyferry itself uses is in reserved environments and nowhere else.
    add(holdings, `${held.isReserved} = 0`);
  }

  const { olderThanDays, overdue, old, expiringWithinDays } = filter;
  const asksOfVersions = [olderThanDays, expiringWithinDays].some((days) => days !== undefined);
  if (environment !== undefined && (asksOfVersions || overdue === true || old === true)) {
    add(
      tables,
      'JOIN listed_environments AS e ON e.name = l.name AND +e.environment = ?',
      environment,
    );
  }
  // Of the current version in the environment that was asked for, or of any.
  const created = environment === undefined ? held.createdAtMs : 'e.created_at_ms';
  const expires = environment === undefined ? held.expiresAtMs : 'e.expires_at_ms';
  const addMark = (share: number): void =>
    add(
      holdings,
      `coalesce(${created} + ${share * DAY_MS} * l.maximum_age_days <= ?, FALSE)
         OR coalesce(${expires} <= ?, FALSE)`,
      nowMs,
      nowMs,
    );
  if (olderThanDays !== undefined) {
    add(holdings, `${created} <= ?`, nowMs - olderThanDays * DAY_MS);
  }
  if (overdue === true) addMark(1);
  if (old === true) addMark(AGEING_SHARE);
  if (expiringWithinDays !== undefined) {
    add(holdings, `${expires} <= ?`, nowMs + expiringWithinDays * DAY_MS);
  }
  return { tables: joined(tables, ' '), rows, holdings, held };
}
