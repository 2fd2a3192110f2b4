import { AppError, effectiveRoute, type RoutesDocument, refusedHost } from '../core/index.js';
import { namesSecret } from './references-of.js';

/**
 * Hosts are checked when routes are applied; so a change may not take a host away from under an applied
 * route, which would go on sending there. Throws `in_use`.
 */
export function guardAllowedHosts(
  document: RoutesDocument | undefined,
  secret: string,
  allowedHosts: readonly string[],
): void {
  for (const route of document?.routes ?? []) {
    for (const environment of Object.keys(route.environments)) {
      if (!namesSecret(route, environment, secret)) continue;
      const effective = effectiveRoute(route, environment);
      const host = effective === undefined ? undefined : refusedHost(effective, allowedHosts);
      if (host === undefined) continue;
      const problem = `The route "${route.name}" sends it to ${host} in ${environment}`;
      throw new AppError(
        'in_use',
        `${problem}, which "allowedHosts" leaves out: list that host too, or apply routes without it first.`,
        { problems: [{ path: 'allowedHosts', message: `${problem}, which is left out here` }] },
      );
    }
  }
}
