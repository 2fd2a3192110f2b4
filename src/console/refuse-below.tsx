import { coversRole, ROLES, type Role } from '../core/index.js';
import type { ConsoleContext } from './console-environment.js';
import { renderPage } from './layout.js';

/** In place of a page that only those with the role `needed` can use; undefined for them. */
export function refuseBelow(
  needed: Role,
  context: ConsoleContext,
  title: string,
): Promise<Response> | undefined {
  const { name, role } = context.get('visitor').session.admin;
  if (coversRole(role, needed)) return undefined;
  const enough = ROLES.filter((one) => coversRole(one, needed)).join(' or ');
  const children = (
    <p class="notice">
      This page is for those with the role {enough}: ask one of them. You are{' '}
      <span class="name">{name}</span> with the role {role}.
    </p>
  );
  return renderPage(context, { title, children }, 403);
}
