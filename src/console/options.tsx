import type { FC } from 'hono/jsx';

/** What a `select` offers, one of them chosen. `any` stands first, for none of them. */
export const Options: FC<{
  readonly of: readonly string[];
  readonly chosen: string | undefined;
  readonly any?: string;
}> = ({ of, chosen, any }) => (
  <>
    {any !== undefined && <option value="">{any}</option>}
    {of.map((one) => (
      <option value={one} selected={one === chosen}>
        {one}
      </option>
    ))}
  </>
);
