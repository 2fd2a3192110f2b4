import type { Child, FC } from 'hono/jsx';

/** Where a cell stands in the card that a row is on a phone; otherwise in a line with others, after its column's title. */
export type PhonePlace = 'title' | 'lead' | 'plain' | 'wide' | 'end' | 'drop';

/** The last column: buttons and links. */
export const ACTIONS = { text: 'Actions', isLast: true, phone: 'end' } as const;

export interface Column {
  readonly text: string;
  /** Numbers stand at the right. */
  readonly isNumber?: boolean;
  /** At the end of each row. */
  readonly isLast?: boolean;
  readonly phone?: PhonePlace;
}

/** A table that scrolls by itself where the screen is too narrow for it; its children are the rows. */
export const Table: FC<{
  readonly columns: readonly (string | Column)[];
  readonly children?: Child;
}> = ({ columns, children }) => (
  <div class="scrolls" tabindex={0}>
    <table>
      <thead>
        <tr>
          {columns.map((column) => {
            const { text, isNumber, isLast, phone }: Column =
              typeof column === 'string' ? { text: column } : column;
            const kind = isNumber === true ? 'number' : isLast === true ? 'ends' : undefined;
            return (
              <th scope="col" class={kind} data-phone={phone}>
                {text}
              </th>
            );
          })}
        </tr>
      </thead>
      <tbody>{children}</tbody>
    </table>
  </div>
);
