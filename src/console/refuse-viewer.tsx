import type { ConsoleContext } from './console-environment.js';
import { renderPage } from './layout.js';

/** In place of a form that would only be refused; undefined for who may change secrets and rotations. */
export function refuseViewer(
  context: ConsoleContext,
  title: string,
): Promise<Response> | undefined {
  if (context.get('visitor').session.admin.role !== 'viewer') return undefined;
  const children = (
    <p class="notice">Viewers read. Ask somebody with the role operator or admin to change this.</p>
  );
  return renderPage(context, { title, children }, 403);
}
