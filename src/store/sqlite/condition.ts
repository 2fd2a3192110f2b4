/** A condition of SQL, or another part of a query, with its values. */
export interface Condition {
  readonly sql: string;
  readonly values: readonly unknown[];
}

/** Sorts after every character that a secret's name may have. */
export const AFTER_NAMES = '\x7f';

/** A name in `column` begins with `prefix`: an index on the column is enough for it. */
export function beginsWith(column: string, prefix: string): Condition {
  return {
    sql: `${column} >= ? AND ${column} < ?`,
    values: [prefix, `${prefix}${AFTER_NAMES}`],
  };
}

/** True where there are none. */
export function allOf(conditions: readonly Condition[]): Condition {
  return conditions.length === 0 ? { sql: 'TRUE', values: [] } : each(conditions, ' AND ');
}

/** False where there are none. */
export function anyOf(conditions: readonly Condition[]): Condition {
  return conditions.length === 0 ? { sql: 'FALSE', values: [] } : each(conditions, ' OR ');
}

/** One after the other. */
export function joined(parts: readonly Condition[], between: string): Condition {
  return {
    sql: parts.map(({ sql }) => sql).join(between),
    values: parts.flatMap(({ values }) => values),
  };
}

function each(conditions: readonly Condition[], between: string): Condition {
  const apart = conditions.map(({ sql, values }) => ({ sql: `(${sql})`, values }));
  return joined(apart, between);
}
