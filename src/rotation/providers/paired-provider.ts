import { isIP } from 'node:net';
import type { Provider } from '../provider.js';

interface PairedConfig {
  readonly host: string;
  readonly port: number;
  readonly adminPassword: string;
  readonly logins: readonly [string, string];
}

/** What is the same for every provider of two logins that an admin of their server gives passwords to, in turn. */
export const pairedProvider = {
  credentialsOf: ({ adminPassword }) => ({ adminPassword }),
  recovery: () => 'apply',
  fields: () => ['password', 'username'],
  // The logins are the database's own: what they are sent to otherwise is what `allowedHosts` are for.
  sentTo: ({ host }) => ({ credentials: [isIP(host) === 6 ? `[${host}]` : host], value: [] }),
  principal: ({ config: { host, port, logins } }) =>
    Promise.resolve(`${host}:${port}/${[...logins].sort().join('+')}`),
} satisfies Partial<Provider<PairedConfig>>;
