import { AppError, type SecretValue, type Store } from '../core/index.js';

/**
 * Throws `value_unchanged` where the newest usable version of the environment holds the value. Whoever may add versions
 * may ask so whether a guess is right; who may add routes learns as much.
 */
export async function requireChanged(
  store: Store,
  { secret, environment }: { readonly secret: string; readonly environment: string },
  value: SecretValue,
): Promise<void> {
  const versions = await store.listVersions(secret, environment);
  const newest = versions.find(({ state }) => state !== 'revoked' && state !== 'destroyed');
  if (newest === undefined) return;
  const { version } = newest;
  const [held] = await store.resolveValues([{ secret, environment, version }]);
  if (held?.status !== 'found' || !held.value.equals(value)) return;
  throw new AppError(
    'value_unchanged',
    `Version ${version} of "${secret}" in ${environment} holds this value: nothing was added.`,
  );
}
