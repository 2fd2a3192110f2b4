/** The admin listener: the API, and the console in front of it. */
import { type AdminApp, type AdminFetch, AttemptLimit } from './admin/index.js';
import { type ConsoleDependencies, createConsole } from './console/index.js';
import type { OidcSettings, Outbound } from './core/index.js';
import { readAuthorities } from './read-authorities.js';

/** What is not a page. */
const API_PATH = /^\/(?:v1|docs|healthz|readyz|metrics|version)(?:\/|$)/;

export interface ServeConsoleOptions
  extends Omit<ConsoleDependencies, 'callApi' | 'tooMany' | 'openIdConnect'> {
  readonly oidc: OidcSettings | undefined;
  readonly outbound: Outbound;
}

/** Answers every request of the admin listener. Throws `config_invalid` for the authorities of `--oidc-ca`. */
export async function serveConsole(
  api: AdminApp,
  { oidc, outbound, ...dependencies }: ServeConsoleOptions,
): Promise<AdminFetch> {
  const ca =
    oidc?.caFile === undefined ? undefined : await readAuthorities('--oidc-ca', oidc.caFile);
  const failures = new AttemptLimit(dependencies.clock);
  const pages = createConsole({
    ...dependencies,
    openIdConnect: oidc === undefined ? undefined : { settings: oidc, ca, outbound },
    tooMany: (address) => failures.record(address),
    callApi: async (request, caller, bindings) => api.fetch(request, { ...bindings, caller }),
  });
  return (request, bindings) =>
    API_PATH.test(new URL(request.url).pathname)
      ? api.fetch(request, bindings)
      : pages.fetch(request, bindings);
}
