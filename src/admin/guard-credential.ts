import { type Admin, AppError, PROVIDERS_ENVIRONMENT } from '../core/index.js';
import { credentialsOf } from './channel-settings.js';
import type { AdminDependencies } from './dependencies.js';
import { seesRotation } from './find-rotation.js';
import { namesCredential } from './provider-secrets.js';
import { findProvider } from './rotation-detail.js';
import { isScoped } from './scope.js';
import { wholeList } from './whole-list.js';

/**
 * Refuses to take a credential away from a rotation or a channel that names it. Throws `in_use`, which names no more than
 * the admin may see.
 */
export async function guardCredential(
  { store, rotations }: Pick<AdminDependencies, 'store' | 'rotations'>,
  admin: Admin,
  name: string,
): Promise<void> {
  const secret = await store.getSecret(name);
  const isOne = secret?.environments.some(
    ({ environment }) => environment === PROVIDERS_ENVIRONMENT,
  );
  if (isOne !== true) return;
  const all = await wholeList((page) => store.listRotations(page));
  const rotation = all.find(({ provider, config }) =>
    namesCredential(findProvider(rotations, provider)?.configSchema ?? {}, config, name),
  );
  const channel = (await store.listChannels()).find(({ settings }) =>
    Object.values(credentialsOf(settings)).includes(name),
  );
  if (rotation === undefined && channel === undefined) return;
  const byRotation =
    rotation !== undefined && seesRotation(admin, rotation)
      ? `the rotation of "${rotation.secret}" in ${rotation.environment}`
      : 'a rotation';
  const byChannel =
    channel !== undefined && !isScoped(admin) ? `the channel "${channel.name}"` : 'a channel';
  throw new AppError(
    'in_use',
    `The secret "${name}" is still in use: ${rotation !== undefined ? byRotation : byChannel} takes it as its credential. Forcing it needs a reason.`,
  );
}
