import {
  effectiveRoute,
  placedTemplates,
  type Route,
  type SecretReference,
} from '../core/index.js';

/** By route and environment: a document may name a hundred thousand, and each list of routes asks for them. */
const found = new WeakMap<Route, Map<string, readonly SecretReference[]>>();

/** The secrets that a route names in an environment, as often as it names them. The route must not change afterwards. */
export function referencesOf(route: Route, environment: string): readonly SecretReference[] {
  const ofRoute = found.get(route) ?? new Map<string, readonly SecretReference[]>();
  found.set(route, ofRoute);
  const known = ofRoute.get(environment);
  if (known !== undefined) return known;
  const effective = effectiveRoute(route, environment);
  const places = effective === undefined ? [] : placedTemplates(effective);
  const references = places.flatMap((place) => place.references);
  ofRoute.set(environment, references);
  return references;
}

/** Whether it names the secret there, pinned or not. */
export function namesSecret(route: Route, environment: string, secret: string): boolean {
  return referencesOf(route, environment).some(({ name }) => name === secret);
}

/** Whether it names there whichever version of the secret is current: what a cutover moves. */
export function namesCurrent(route: Route, environment: string, secret: string): boolean {
  return referencesOf(route, environment).some(
    ({ name, version }) => name === secret && version === undefined,
  );
}
