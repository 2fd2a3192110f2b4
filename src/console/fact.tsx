import type { Child, FC } from 'hono/jsx';

/** One of a `dl.summary`. */
export const Fact: FC<{ readonly name: string; readonly children?: Child }> = ({
  name,
  children,
}) => (
  <div>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
);
