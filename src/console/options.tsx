import type { FC } from 'hono/jsx';

/** What a `select` offers, one of them chosen. `any` stands first, for none of them. */
export const Options: FC<{
  readonly of: readonly string[];
  readonly chosen: string | undefined;
  readonly any?: string;
  /** What is shown for each, where that is another text. */
  readonly text?: (one: string) => string;
}> = ({ of, chosen, any, text = (one) => one }) => (
  <>
    {any !== undefined && <option value="">{any}</option>}
    {of.map((one) => (
      <option value={one} selected={one === chosen}>
        {text(one)}
      </option>
    ))}
  </>
);
