import type { Route } from '../../src/core/index.js';
import { startKeyferry, type TestKeyferry } from '../support/start-keyferry.js';
import type { TestUpstream } from '../support/start-upstream.js';

/** What only Keyferry and the upstream know. */
export const REAL_KEY = 'real_live_4f9c2e7ab8d14c60';

export interface BehindKeyferry {
  readonly keyferry: TestKeyferry;
  /** Where an app sends its requests now: the proxy with the route's prefix, without a slash at the end. */
  readonly baseUrl: string;
  /** What the app has instead of the real key. */
  readonly token: string;
}

export interface BehindOptions {
  /** Default: `{ Authorization: 'Bearer <<secret:api_key>>' }`, `match: { pathPrefix: '/api' }`. */
  readonly route?: Partial<Omit<Route, 'name' | 'environments'>>;
  readonly flags?: Readonly<Record<string, unknown>>;
  /** Beside `api_key`, which holds the real key. */
  readonly secrets?: Readonly<Record<string, string>>;
}

/** A Keyferry in front of an upstream: one route, the real key as its secret, one client token. */
export async function startBehindKeyferry(
  upstream: Pick<TestUpstream, 'origin'>,
  { route = {}, flags = {}, secrets = {} }: BehindOptions = {},
): Promise<BehindKeyferry> {
  // Nothing is under way when a test ends: the grace for idle connections would only be waited for.
  const keyferry = await startKeyferry({ '--drain-timeout-ms': '0', ...flags });
  for (const [name, value] of Object.entries({ api_key: REAL_KEY, ...secrets })) {
    await keyferry.secret(name, { production: value });
  }
  const placed = route.query === undefined && route.headers === undefined;
  const match = route.match ?? { pathPrefix: '/api' };
  await keyferry.routes([
    {
      name: 'api',
      ...(placed ? { headers: { Authorization: 'Bearer <<secret:api_key>>' } } : {}),
      ...route,
      match,
      environments: { production: { upstream: upstream.origin, allowPrivateNetwork: true } },
    },
  ]);
  const prefix = (route.stripPrefix ?? true) ? (match.pathPrefix ?? '') : '';
  return {
    keyferry,
    baseUrl: `${keyferry.proxyUrl}${prefix}`,
    token: await keyferry.client('production'),
  };
}
