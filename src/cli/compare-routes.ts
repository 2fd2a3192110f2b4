import type { Route, RoutesDocument } from '../core/index.js';

/** One difference: a route that came or went, or a setting of one with what it was and what it is. */
export interface RouteChange {
  readonly route: string;
  readonly kind: 'added' | 'removed' | 'changed';
  /** Undefined where a whole route came or went. */
  readonly setting?: string;
  readonly before?: string;
  readonly after?: string;
}

/** The differences between two routes documents, by the routes' names. Their order does not count. */
export function compareRoutes(before: RoutesDocument, after: RoutesDocument): RouteChange[] {
  const old = new Map(before.routes.map((route) => [route.name, route]));
  const now = new Map(after.routes.map((route) => [route.name, route]));
  const changes: RouteChange[] = [];
  for (const [name, route] of old) {
    const successor = now.get(name);
    if (successor === undefined) changes.push({ route: name, kind: 'removed' });
    else changes.push(...compareRoute(route, successor));
  }
  for (const name of now.keys()) {
    if (!old.has(name)) changes.push({ route: name, kind: 'added' });
  }
  return changes;
}

function compareRoute(before: Route, after: Route): RouteChange[] {
  const old = new Map(settingsOf(before));
  const now = new Map(settingsOf(after));
  const changes: RouteChange[] = [];
  for (const setting of new Set([...old.keys(), ...now.keys()])) {
    const [was, is] = [old.get(setting), now.get(setting)];
    if (was === is) continue;
    changes.push({
      route: after.name,
      kind: 'changed',
      setting,
      ...(was === undefined ? {} : { before: was }),
      ...(is === undefined ? {} : { after: is }),
    });
  }
  return changes;
}

/** Every setting below a value as `path → JSON`. A list is one setting. */
function* settingsOf(value: object, prefix = ''): Generator<[path: string, json: string]> {
  for (const [key, item] of Object.entries(value)) {
    const path = prefix === '' ? key : `${prefix}.${key}`;
    if (typeof item === 'object' && item !== null && !Array.isArray(item)) {
      yield* settingsOf(item, path);
    } else {
      yield [path, JSON.stringify(item)];
    }
  }
}
