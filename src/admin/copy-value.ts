import { z } from '@hono/zod-openapi';
import {
  type Admin,
  AppError,
  hostAllowed,
  PROVIDERS_ENVIRONMENT,
  type ResolvedValue,
  SecretValue,
  type Store,
  type Version,
} from '../core/index.js';
import { requireSecret } from './find-secret.js';
import type { ReadValue } from './read-value.js';
import { requireEnvironment } from './scope.js';

/** In the body of a new version, in place of a value: which one to take. */
export const CopySource = z
  .strictObject({
    secret: z.string(),
    environment: z.string(),
    version: z.int().min(1).optional().openapi({ description: 'The current one unless said' }),
  })
  .openapi('CopySource', {
    description: 'A version whose value to take: it is sealed anew, and does not leave the server',
  });

export interface CopiedValue extends ReadValue {
  readonly copiedFrom: Version;
}

/**
 * The value of another version, as if it had been sent. The caller must see it, and it keeps to its hosts: throws
 * `not_found`, `version_unusable`, and `value_invalid` where the target may be sent to a host that the source may not.
 */
export async function copyValue(
  store: Store,
  admin: Admin,
  source: z.output<typeof CopySource>,
  target: { readonly secret: string; readonly environment: string },
): Promise<CopiedValue> {
  const { secret, environment } = source;
  requireEnvironment(admin, environment);
  await requireSecret(store, admin, secret);
  const versions = await store.listVersions(secret, environment);
  const copiedFrom = versions.find(({ version, state }) =>
    source.version === undefined ? state === 'current' : version === source.version,
  );
  const [found] = await store.resolveValues([
    { secret, environment, version: copiedFrom?.version ?? source.version },
  ]);
  if (copiedFrom === undefined || found?.status !== 'found') {
    throw new AppError('version_unusable', `"${secret}" has no such value in ${environment}.`);
  }
  await requireSameHosts(store, found, source, target);
  const { value, fields } = found;
  return { value, fields, parts: partsOf(value, fields), copiedFrom };
}

/** A value must not come to more hosts by a copy of it, nor a provider's credential to routes. */
async function requireSameHosts(
  store: Store,
  { allowedHosts }: ResolvedValue & { status: 'found' },
  source: z.output<typeof CopySource>,
  target: { readonly secret: string; readonly environment: string },
): Promise<void> {
  const isProviders = [source, target].map((it) => it.environment === PROVIDERS_ENVIRONMENT);
  if (isProviders[0] !== isProviders[1]) {
    throw invalid('A value is not copied into or out of the environment of rotation providers.');
  }
  if (allowedHosts.length === 0) return;
  const wanted = (await store.secretHosts([target.secret])).get(target.secret) ?? [];
  const wider = wanted.find((host) => !hostAllowed(host.replace(/^\*/, '\0'), allowedHosts));
  if (wanted.length > 0 && wider === undefined) return;
  throw invalid(
    `"${source.secret}" may be sent to ${allowedHosts.join(', ')} only, and "${target.secret}" to ` +
      `${wider ?? 'any host'}: set "allowedHosts" of "${target.secret}" to those first.`,
  );
}

/** What templates place of it: by field, or the whole under ''. */
function partsOf(value: SecretValue, fields: readonly string[]): ReadonlyMap<string, SecretValue> {
  if (fields.length === 0) return new Map([['', value]]);
  const object = JSON.parse(Buffer.from(value.expose()).toString('utf8')) as Record<string, string>;
  return new Map(fields.map((name) => [name, SecretValue.fromText(object[name] ?? '')]));
}

function invalid(message: string): AppError {
  return new AppError('value_invalid', message, { problems: [{ path: 'copyFrom', message }] });
}
