import type { FC } from 'hono/jsx';
import { type Query, withQuery } from './api.js';

/** Where a list goes on; nothing on its last page. */
export const NextPage: FC<{
  readonly path: string;
  readonly cursor: string | null;
  /** What the list is limited to. */
  readonly query?: Query;
  readonly text?: string;
}> = ({ path, cursor, query = {}, text = 'Next page' }) =>
  cursor === null ? null : (
    <p>
      <a href={withQuery(path, { ...query, cursor })}>{text}</a>
    </p>
  );
