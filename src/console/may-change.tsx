import type { ConsoleContext } from './console-environment.js';
import { renderPage } from './layout.js';

/** Whether the visitor's role changes secrets and rotations; what of them, the API decides. */
export function mayChange(context: ConsoleContext): boolean {
  return context.get('visitor').session.admin.role !== 'viewer';
}

/** In place of a form that would only be refused. */
export function showReadOnly(context: ConsoleContext, title: string): Promise<Response> {
  const children = (
    <p class="notice">Viewers read. Ask somebody with the role operator or admin to change this.</p>
  );
  return renderPage(context, { title, children }, 403);
}
