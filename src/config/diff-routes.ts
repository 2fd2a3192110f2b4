import { isDeepStrictEqual } from 'node:util';
import type { RoutesDocument } from '../core/index.js';
import { printPath } from './finding.js';

/** One difference between two routes documents. */
export interface RoutesDifference {
  /** Routes by their names: `routes.stripe.environments.staging.upstream`. */
  readonly path: string;
  readonly kind: 'added' | 'removed' | 'changed';
}

/**
 * Compares two documents by the names of routes and environments; their order says nothing. What came or
 * went as a whole is one difference; a renamed route is one removed and one added. Lists (`methods`) are
 * compared as a whole. `$schema` is left out: it says nothing about requests.
 */
export function diffRoutes(from: RoutesDocument, to: RoutesDocument): RoutesDifference[] {
  return differences(byName(from), byName(to), ['routes']);
}

function byName({ routes }: RoutesDocument): object {
  return Object.fromEntries(routes.map((route) => [route.name, route]));
}

function differences(from: unknown, to: unknown, path: readonly string[]): RoutesDifference[] {
  if (isDeepStrictEqual(from, to)) return [];
  if (!isTree(from) || !isTree(to)) {
    const kind = from === undefined ? 'added' : to === undefined ? 'removed' : 'changed';
    return [{ path: printPath(path), kind }];
  }
  const keys = [...new Set([...Object.keys(from), ...Object.keys(to)])].sort();
  return keys.flatMap((key) => differences(from[key], to[key], [...path, key]));
}

function isTree(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
