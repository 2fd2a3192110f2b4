import type { FC } from 'hono/jsx';

/**
 * Beside what showed itself live and has ended. What stands around it may be a form in which somebody types, so nothing
 * of it is taken away.
 */
export const LoadAgain: FC<{ readonly path: string }> = ({ path }) => (
  <p>
    The rest of this page is from before that. <a href={path}>Load it again</a>
  </p>
);
