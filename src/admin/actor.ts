import type { Actor } from '../core/index.js';
import type { AuthenticatedAdmin } from './admin-environment.js';

/** Who the audit log says it was. */
export function actorOf({ admin }: AuthenticatedAdmin): Actor {
  return { type: 'admin', id: admin.id, name: admin.name };
}
