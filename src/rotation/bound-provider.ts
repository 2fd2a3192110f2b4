import type { ProviderId, Rotation, RotationSettings } from '../core/index.js';
import { keyActionsOf, type Provider, ProviderError, type SentTo } from './provider.js';
import type { ProviderTraits } from './run-situation.js';

/** A provider with the config of one rotation. */
export interface BoundProvider {
  readonly provider: Provider;
  readonly config: unknown;
  readonly traits: ProviderTraits;
  /** Names of secrets of `_providers`, by the config's field. */
  readonly credentials: Readonly<Record<string, string>>;
  readonly sentTo: SentTo;
}

export type ProviderRegistry = ReadonlyMap<ProviderId, Provider>;

/** Throws `ProviderError` (`refused`) where the config does not fit the provider any more. */
export function bindProvider(
  providers: ProviderRegistry,
  rotation: Pick<Rotation, 'secret' | 'environment'> &
    Pick<RotationSettings, 'provider' | 'config'>,
): BoundProvider {
  const { provider: id, secret, environment } = rotation;
  const provider = providers.get(id);
  const parsed = provider?.config.safeParse(rotation.config);
  if (provider === undefined || parsed === undefined || !parsed.success) {
    throw new ProviderError(
      'refused',
      `The config of the rotation of "${secret}" in ${environment} does not fit provider ${id}.`,
      { whatToDo: 'Disable the rotation and enable it anew with a config that fits.' },
    );
  }
  const config = parsed.data;
  return {
    provider,
    config,
    traits: {
      ...keyActionsOf(provider, config),
      recovery: provider.recovery(config),
      tellsLastUse: provider.lastUsedAtMs !== undefined,
      aheadMs: provider.byExpiry?.(config)?.aheadMs,
      instructions: provider.instructions?.(config),
    },
    credentials: provider.credentialsOf(config),
    sentTo: provider.sentTo?.(config) ?? { credentials: [], value: [] },
  };
}
