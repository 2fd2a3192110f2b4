import type { ProviderId } from '../core/index.js';
import type { ProviderRegistry } from './bound-provider.js';
import type { Provider } from './provider.js';
import { postgres } from './providers/postgres.js';

/** All providers that there are: one line each. */
const ALL: readonly Provider[] = [postgres];

export const PROVIDERS: ProviderRegistry = new Map<ProviderId, Provider>(
  ALL.map((provider) => [provider.id, provider]),
);
