import type { Child } from 'hono/jsx';
import type { ConsoleContext } from './console-environment.js';
import { renderBare } from './layout.js';

/**
 * A page that goes on by itself. A redirect would not do: after an arrival from another site browsers send no
 * `SameSite=Strict` cookie along a redirect, and after a form `form-action` forbids one to another site. `href` is an
 * encoded path or URL.
 */
export function continueTo(
  context: ConsoleContext,
  { title, href, children }: { title: string; href: string; children: Child },
): Response | Promise<Response> {
  context.header('Refresh', `0;url=${href}`);
  return renderBare(context, {
    title,
    children: (
      <article class="panel">
        <h1>{title}</h1>
        <p>{children}</p>
        <p>
          <a class="button" href={href}>
            Continue
          </a>
        </p>
      </article>
    ),
  });
}
