import type { Admin, SecretSummary, Store } from '../core/index.js';
import { outsideScope, requireSecretName } from './scope.js';

/** The environments to pass to the store for what this admin may see. */
export function environmentsFilter(admin: Admin): readonly string[] | undefined {
  return admin.environments ?? undefined;
}

/**
 * A secret as this admin sees it: only its environments, routes and clients inside the scope. A secret whose
 * versions all lie in other environments is not there; one without any version is. Throws `not_found`.
 */
export async function findSecret(store: Store, admin: Admin, name: string): Promise<SecretSummary> {
  requireSecretName(admin, name);
  // Names are listed in order, so a secret stands first among those that begin with its own name.
  const page = await store.listSecrets({
    namePrefix: name,
    environments: environmentsFilter(admin),
    limit: 1,
  });
  const found = page.items[0];
  if (found?.name === name) return found;
  // Where it does not exist at all, this says so and names the nearest spelling.
  await store.usageOf(name);
  throw outsideScope();
}

/** Throws `not_found` unless the admin sees the secret. */
export async function requireSecret(store: Store, admin: Admin, name: string): Promise<void> {
  requireSecretName(admin, name);
  if (admin.environments !== null) await findSecret(store, admin, name);
}
