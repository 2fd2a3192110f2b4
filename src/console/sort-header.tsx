import type { FC } from 'hono/jsx';
import type { SortOrder } from '../core/index.js';
import { type Query, withQuery } from './api.js';
import type { PhonePlace } from './table.js';

export interface SortHeaderProps {
  readonly text: string;
  readonly path: string;
  /** What the list shows, without `cursor`: its `sort` and `order` are what it is sorted by now. */
  readonly query: Query;
  readonly by: string;
  /** The order that says most about this column: it comes with the first click. */
  readonly first?: SortOrder;
  readonly phone?: PhonePlace;
}

/** The head of a column that the list can be sorted by; once more turns the order round. */
export const SortHeader: FC<SortHeaderProps> = (props) => {
  const { text, path, query, by, first = 'asc', phone } = props;
  const isSorted = query.sort === by;
  const order = query.order === 'desc' ? 'desc' : 'asc';
  const turned = order === 'asc' ? 'desc' : 'asc';
  const href = withQuery(path, { ...query, sort: by, order: isSorted ? turned : first });
  return (
    <th
      scope="col"
      data-phone={phone}
      {...(isSorted ? { 'aria-sort': order === 'asc' ? 'ascending' : 'descending' } : {})}
    >
      <a href={href}>{text}</a>
    </th>
  );
};
