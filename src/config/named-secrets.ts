import {
  type EffectiveRoute,
  effectiveRoute,
  placedTemplates,
  type RouteReference,
  type RoutesDocument,
  type SecretReference,
} from '../core/index.js';
import type { JsonPath } from './finding.js';
import { at } from './salvage.js';

/** One place of a document that names a secret, for one environment. */
export interface NamedSecret {
  /** The header, parameter, field or other place that names it. */
  readonly path: JsonPath;
  readonly route: string;
  readonly environment: string;
  readonly reference: SecretReference;
  /** Where the environment sends it. */
  readonly effective: EffectiveRoute;
}

/**
 * Every secret that a request of some environment would need. A header that an environment overrides is not
 * counted for it; one that all environments share is counted for each.
 */
export function namedSecrets(document: RoutesDocument): NamedSecret[] {
  const found: NamedSecret[] = [];
  for (const [index, route] of document.routes.entries()) {
    for (const [environment, own] of Object.entries(route.environments)) {
      const effective = effectiveRoute(route, environment);
      if (effective === undefined) continue;
      for (const { at: keys, references } of placedTemplates(effective)) {
        const isOwn = at(own, keys) !== undefined;
        const path = isOwn
          ? ['routes', index, 'environments', environment, ...keys]
          : ['routes', index, ...keys];
        for (const reference of references) {
          found.push({ path, route: route.name, environment, reference, effective });
        }
      }
    }
  }
  return found;
}

/** The same for the store: each route, environment, secret and pinned version once. */
export function routeReferences(named: readonly NamedSecret[]): RouteReference[] {
  const unique = new Map<string, RouteReference>();
  for (const { route, environment, reference } of named) {
    const { name: secret, version } = reference;
    const key = JSON.stringify([route, environment, secret, version]);
    unique.set(key, { route, environment, secret, version });
  }
  return [...unique.values()];
}
