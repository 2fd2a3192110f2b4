import type { Admin, Client, RoutesDocument, Store } from '../core/index.js';
import { coversEntry } from './routes-scope.js';
import { coversEnvironment } from './scope.js';

/**
 * Which clients a token may see and make: those of its environments; with a prefix also only those that are
 * limited to routes within its scope, since any other client reaches secrets beyond the prefix.
 */
export async function reachOf(
  store: Store,
  admin: Admin,
): Promise<(client: Pick<Client, 'environment' | 'routes'>) => boolean> {
  const document: RoutesDocument | undefined =
    admin.secretPrefix === null ? undefined : (await store.currentRoutes())?.document;
  const byName = new Map(document?.routes.map((route) => [route.name, route]));
  return ({ environment, routes }) => {
    if (!coversEnvironment(admin, environment)) return false;
    if (admin.secretPrefix === null) return true;
    return (
      routes?.every((name) => {
        const route = byName.get(name);
        return route !== undefined && coversEntry(admin, route, environment);
      }) ?? false
    );
  };
}
