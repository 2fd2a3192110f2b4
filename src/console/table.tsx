import type { Child, FC } from 'hono/jsx';

/** A column that holds buttons and links: its title matters less. */
export const ACTIONS = { text: 'Actions', isQuiet: true } as const;

interface Column {
  readonly text: string;
  /** Numbers stand at the right. */
  readonly isNumber?: boolean;
  readonly isQuiet?: boolean;
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
            const { text, isNumber, isQuiet }: Column =
              typeof column === 'string' ? { text: column } : column;
            return (
              <th scope="col" {...(isNumber === true ? { class: 'number' } : {})}>
                {isQuiet === true ? <span class="quiet">{text}</span> : text}
              </th>
            );
          })}
        </tr>
      </thead>
      <tbody>{children}</tbody>
    </table>
  </div>
);
