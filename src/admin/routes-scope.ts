import {
  type Admin,
  AppError,
  type Problem,
  type Route,
  type RouteMatch,
  type RoutesDocument,
} from '../core/index.js';
import { referencesOf } from './references-of.js';
import { coversEnvironment, coversSecretName, isScoped } from './scope.js';

/**
 * Whether a limited token reaches one environment of a route: the environment is in its scope, and with a
 * prefix the route names secrets there, all of them under the prefix.
 */
export function coversEntry(admin: Admin, route: Route, environment: string): boolean {
  if (!coversEnvironment(admin, environment)) return false;
  if (admin.secretPrefix === null) return true;
  const references = referencesOf(route, environment);
  return references.length > 0 && references.every(({ name }) => coversSecretName(admin, name));
}

/** The part of a document that the token may see: routes with nothing in its scope are left out. */
export function visibleRoutes(admin: Admin, document: RoutesDocument): RoutesDocument {
  if (!isScoped(admin)) return document;
  const routes = document.routes.flatMap((route) => {
    const seen = keepEnvironments(route, (name) => coversEntry(admin, route, name));
    return seen === undefined ? [] : [seen];
  });
  return { ...document, routes };
}

/**
 * Puts a limited token's document into the applied one: it replaces what the token may see, and everything
 * outside stays as it is. The sent routes come first, in their order, so that problems name their places.
 */
export function mergeOutside(
  admin: Admin,
  applied: RoutesDocument,
  sent: RoutesDocument,
): RoutesDocument {
  const hidden = new Map(
    applied.routes.flatMap((route): [string, Route][] => {
      const rest = keepEnvironments(route, (name) => !coversEntry(admin, route, name));
      return rest === undefined ? [] : [[route.name, rest]];
    }),
  );
  const merged = sent.routes.map((route): Route => {
    const rest = hidden.get(route.name);
    hidden.delete(route.name);
    if (rest === undefined) return route;
    return { ...route, environments: { ...rest.environments, ...route.environments } };
  });
  return { ...sent, routes: [...merged, ...hidden.values()] };
}

/**
 * Throws `forbidden`, with every place, when `next` differs from `applied` outside the token's scope: an
 * entry added, removed or changed, or a match that would take requests from a route outside.
 */
export function requireOutsideUnchanged(
  admin: Admin,
  applied: RoutesDocument,
  next: RoutesDocument,
): void {
  const before = outsideEntries(admin, applied);
  const after = outsideEntries(admin, next);
  const problems: Problem[] = [];
  for (const [index, route] of next.routes.entries()) {
    const names = Object.keys(route.environments);
    for (const environment of names) {
      const key = entryKey(route.name, environment);
      if (before.get(key) === after.get(key)) continue;
      const path = `routes[${index}].environments.${environment}`;
      problems.push({ path, message: 'is, or was, outside what this token is limited to' });
    }
    const known = applied.routes.find(({ name }) => name === route.name);
    if (known !== undefined && canonical(known.match) === canonical(route.match)) continue;
    if (applied.routes.some((other) => other !== known && takesFrom(admin, route, other))) {
      const message = 'would take requests from a route outside what this token is limited to';
      problems.push({ path: `routes[${index}].match`, message });
    }
  }
  const lost = [...before.keys()].some((key) => !after.has(key));
  if (problems.length === 0 && !lost) return;
  throw new AppError(
    'forbidden',
    'The document changes routes outside what this token is limited to; nothing was applied.',
    { problems },
  );
}

function outsideEntries(admin: Admin, document: RoutesDocument): Map<string, string> {
  return new Map(
    document.routes.flatMap((route) =>
      Object.keys(route.environments)
        .filter((environment) => !coversEntry(admin, route, environment))
        .map((environment): [string, string] => {
          const { environments, ...shared } = route;
          return [
            entryKey(route.name, environment),
            canonical({ shared, own: environments[environment] }),
          ];
        }),
    ),
  );
}

function takesFrom(admin: Admin, route: Route, other: Route): boolean {
  const outside = Object.keys(other.environments).some(
    (environment) => !coversEntry(admin, other, environment),
  );
  return outside && overlaps(route.match, other.match);
}

/** Whether some request could fit both matches. Errs on the side of yes for wildcards. */
function overlaps(a: RouteMatch, b: RouteMatch): boolean {
  const methods =
    a.methods === undefined ||
    b.methods === undefined ||
    a.methods.some((method) => b.methods?.includes(method));
  const hosts =
    a.host === undefined ||
    b.host === undefined ||
    hostsMeet(a.host.toLowerCase(), b.host.toLowerCase());
  const pathA = `${(a.pathPrefix ?? '').replace(/\/+$/, '')}/`;
  const pathB = `${(b.pathPrefix ?? '').replace(/\/+$/, '')}/`;
  return methods && hosts && (pathA.startsWith(pathB) || pathB.startsWith(pathA));
}

function hostsMeet(a: string, b: string): boolean {
  if (a === b) return true;
  const [suffixA, suffixB] = [a, b].map((host) =>
    host.startsWith('*.') ? host.slice(1) : undefined,
  );
  return (
    (suffixA !== undefined && b.endsWith(suffixA)) || (suffixB !== undefined && a.endsWith(suffixB))
  );
}

function keepEnvironments(route: Route, keep: (name: string) => boolean): Route | undefined {
  const kept = Object.entries(route.environments).filter(([name]) => keep(name));
  return kept.length === 0 ? undefined : { ...route, environments: Object.fromEntries(kept) };
}

function entryKey(route: string, environment: string): string {
  return JSON.stringify([route, environment]);
}

/** JSON with sorted keys: equal settings are equal texts. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) =>
    typeof item === 'object' && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  );
}
