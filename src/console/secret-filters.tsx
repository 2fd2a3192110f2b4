import type { FC } from 'hono/jsx';
import { SECRET_SORTS, type SecretSort, UNUSED_DAYS } from '../core/index.js';
import { Filters } from './filters.js';

/** What a list of secrets shows, as the API takes it. */
export interface SecretsQuery extends Readonly<Record<string, string | undefined>> {
  readonly search: string | undefined;
  readonly environment: string | undefined;
  readonly old: string | undefined;
  readonly unusedForDays: string | undefined;
  readonly withoutRoutes: string | undefined;
  readonly missingValue: string | undefined;
  readonly sort: string;
  readonly order: string | undefined;
}

const SORTS: Readonly<Record<SecretSort, string>> = {
  name: 'name',
  age: 'age',
  lastUsed: 'last use',
  nextRotation: 'next rotation',
};

const CHECKS = [
  ['old', 'true', 'ageing or overdue'],
  ['unusedForDays', String(UNUSED_DAYS), `unused for ${UNUSED_DAYS} days`],
  ['withoutRoutes', 'true', 'without routes'],
  ['missingValue', 'true', 'no value where others have one'],
] as const;

/** Search, filters and order of the secrets; the order also stands in the head of the table, which a phone has not. */
export const SecretFilters: FC<{
  readonly path: string;
  readonly query: SecretsQuery;
  readonly environments: readonly string[];
}> = ({ path, query, environments }) => (
  <form method="get" action={path} class="panel row">
    <label>
      Search
      <input
        type="search"
        name="search"
        value={query.search ?? ''}
        maxlength={200}
        placeholder="name, description or owner"
      />
    </label>
    <Filters count={countOf(query)}>
      <label>
        Environment
        <select name="environment" data-submits>
          <option value="">all</option>
          {environments.map((name) => (
            <option value={name} selected={query.environment === name}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label>
        Sorted by
        <select name="sort" data-submits>
          {SECRET_SORTS.map((sort) => (
            <option value={sort} selected={query.sort === sort}>
              {SORTS[sort]}
            </option>
          ))}
        </select>
      </label>
      <label>
        Order
        <select name="order" data-submits>
          <option value="asc">ascending</option>
          <option value="desc" selected={query.order === 'desc'}>
            descending
          </option>
        </select>
      </label>
      {CHECKS.map(([name, value, text]) => (
        <label>
          <input
            type="checkbox"
            name={name}
            value={value}
            checked={query[name] !== undefined}
            data-submits
          />
          {text}
        </label>
      ))}
    </Filters>
  </form>
);

/** Those that leave something out. */
function countOf({
  environment,
  old,
  unusedForDays,
  withoutRoutes,
  missingValue,
}: SecretsQuery): number {
  const filters = [environment, old, unusedForDays, withoutRoutes, missingValue];
  return filters.filter((one) => one !== undefined).length;
}
