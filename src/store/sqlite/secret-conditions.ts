import { AGEING_SHARE, type SecretFilter } from '../../core/index.js';

/** A condition of SQL with its values. */
export interface Condition {
  readonly sql: string;
  readonly values: readonly unknown[];
}

/** What a filter asks of `listed_secrets AS l`, grouped by name. */
export interface SecretConditions {
  /** Of each row. */
  readonly rows: readonly Condition[];
  /** Of the rows of one secret. */
  readonly groups: readonly Condition[];
}

const DAY_MS = 86_400_000;
/** Sorts after every character that a secret's name may have. */
export const AFTER_NAMES = '\x7f';

const HAS_WORD = `(SELECT s.name LIKE w.text ESCAPE '\\' OR s.description LIKE w.text ESCAPE '\\'
  OR s.owner LIKE w.text ESCAPE '\\' FROM (SELECT ? AS text) AS w)`;

/**
 * The conditions of a filter. `inUse` is in how many environments a secret has a value, of those that the filter
 * is limited to. What lies in others is left out first, so that nothing tells of it by what a filter lets through.
 */
export function conditionsOf(filter: SecretFilter, inUse: number, nowMs: number): SecretConditions {
  const rows: Condition[] = [];
  const groups: Condition[] = [];
  const add = (to: Condition[], sql: string, ...values: unknown[]): void =>
    void to.push({ sql, values });

  const { namePrefix = '', environment, environments } = filter;
  if (namePrefix !== '') {
    add(rows, 'l.name >= ? AND l.name < ?', namePrefix, `${namePrefix}${AFTER_NAMES}`);
  }
  if (environments !== undefined) {
    const scope = JSON.stringify(environments);
    add(rows, "(l.environment = '' OR l.environment IN (SELECT value FROM json_each(?)))", scope);
    // One without any version is everybody's.
    add(
      groups,
      `(max(l.environment) > '' OR NOT EXISTS (
         SELECT 1 FROM listed_secrets AS o WHERE o.name = l.name AND o.environment > ''))`,
    );
  }
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
    const scope = environments === undefined ? null : JSON.stringify(environments);
    add(
      groups,
      `NOT EXISTS (SELECT 1 FROM route_references AS r WHERE r.secret = l.name
         AND (? IS NULL OR r.environment IN (SELECT value FROM json_each(?))))`,
      scope,
      scope,
    );
  }
  if (filter.unusedForDays !== undefined) {
    add(groups, `coalesce(max(l.last_used_at_ms), 0) <= ?`, nowMs - filter.unusedForDays * DAY_MS);
  }
  if (filter.missingValue === true) {
    // What only Keyferry itself uses is in reserved environments and nowhere else.
    add(groups, 'count(l.created_at_ms) < ? AND max(l.is_reserved) = 0', inUse);
  }
  if (environment !== undefined) {
    add(groups, 'count(*) FILTER (WHERE l.environment = ?) > 0', environment);
  }

  // Of the current version in the environment that was asked for, or of any.
  const only = environment === undefined ? '' : ' FILTER (WHERE l.environment = ?)';
  const own = environment === undefined ? [] : [environment];
  const created = `min(l.created_at_ms)${only}`;
  const expires = `min(l.expires_at_ms)${only}`;
  const addMark = (share: number): void =>
    add(
      groups,
      `coalesce(${created} + ${share * DAY_MS} * max(l.maximum_age_days) <= ?, FALSE)
         OR coalesce(${expires} <= ?, FALSE)`,
      ...[...own, nowMs, ...own, nowMs],
    );
  if (filter.olderThanDays !== undefined) {
    add(groups, `${created} <= ?`, ...own, nowMs - filter.olderThanDays * DAY_MS);
  }
  if (filter.overdue === true) addMark(1);
  if (filter.old === true) addMark(AGEING_SHARE);
  if (filter.expiringWithinDays !== undefined) {
    add(groups, `${expires} <= ?`, ...own, nowMs + filter.expiringWithinDays * DAY_MS);
  }
  return { rows, groups };
}
