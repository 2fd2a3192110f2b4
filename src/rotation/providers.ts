import type { ProviderId } from '../core/index.js';
import type { ProviderRegistry } from './bound-provider.js';
import type { Provider } from './provider.js';
import { aws } from './providers/aws.js';
import { createCommandProvider } from './providers/command.js';
import { custom } from './providers/custom.js';
import { mysql } from './providers/mysql.js';
import { oauth2 } from './providers/oauth2.js';
import { postgres } from './providers/postgres.js';
import { stripe } from './providers/stripe.js';

/** All providers that there are: one line each. `commandFolder`: where programs lie that `command` may run. */
export function createProviders(options: {
  readonly commandFolder: string | undefined;
}): ProviderRegistry {
  const all: readonly Provider[] = [
    aws,
    stripe,
    postgres,
    mysql,
    custom,
    oauth2,
    createCommandProvider(options.commandFolder),
  ];
  return new Map<ProviderId, Provider>(all.map((provider) => [provider.id, provider]));
}
