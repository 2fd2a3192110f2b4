import {
  effectiveRoute,
  type Route,
  type RoutesDocument,
  type RouteTable,
  type Telemetry,
} from '../core/index.js';
import { type PlanSource, preparePlan } from './render-plan.js';
import { CompiledShape, placedNames, prefixLengthOf } from './route-shape.js';
import { CompiledTable } from './route-table.js';

/** A document compiled, before values are filled in. */
export interface CompiledRoutes {
  readonly table: RouteTable;
  /** By route index. */
  readonly sources: readonly (readonly PlanSource[])[];
  readonly routes: readonly CompiledRoute[];
  readonly indexByName: ReadonlyMap<string, number>;
}

interface CompiledRoute {
  /** The definition as text: an unchanged route is taken over from the document before. */
  readonly text: string;
  readonly route: Route;
  readonly sources: readonly PlanSource[];
}

/**
 * Compiles a document for the environments served. Routes that are the same as in `before` are not
 * compiled again. `builtin` routes (the example) give way to the document's own.
 */
export function compileRoutes(
  document: RoutesDocument,
  builtin: readonly Route[],
  served: ReadonlySet<string> | undefined,
  telemetry: Pick<Telemetry, 'statsFor'>,
  before: CompiledRoutes | undefined,
): CompiledRoutes {
  const known = new Map(before?.routes.map((compiled) => [compiled.route.name, compiled]));
  const routes: CompiledRoute[] = [];
  for (const route of withBuiltin(document.routes, builtin)) {
    const text = JSON.stringify(route);
    const same = known.get(route.name);
    routes.push(
      same?.text === text ? same : { text, route, sources: prepare(route, served, telemetry) },
    );
  }
  const entries = routes.map(
    ({ route }, index) =>
      [route.match, new CompiledShape(route.name, index, route.match, placedNames(route))] as const,
  );
  return {
    table: new CompiledTable(entries),
    sources: routes.map(({ sources }) => sources),
    routes,
    indexByName: new Map(routes.map(({ route }, index) => [route.name, index])),
  };
}

function prepare(
  route: Route,
  served: ReadonlySet<string> | undefined,
  telemetry: Pick<Telemetry, 'statsFor'>,
): PlanSource[] {
  const prefixLength = prefixLengthOf(route);
  const sources: PlanSource[] = [];
  for (const environment of Object.keys(route.environments)) {
    if (served !== undefined && !served.has(environment)) continue;
    const effective = effectiveRoute(route, environment);
    if (effective === undefined) continue;
    const stats = telemetry.statsFor(route.name, environment);
    sources.push(preparePlan(effective, prefixLength, stats));
  }
  return sources;
}

function withBuiltin(own: readonly Route[], builtin: readonly Route[]): readonly Route[] {
  const free = builtin.filter((extra) =>
    own.every(
      ({ name, match }) =>
        name !== extra.name &&
        (match.pathPrefix !== extra.match.pathPrefix || match.host !== extra.match.host),
    ),
  );
  return free.length === 0 ? own : [...own, ...free];
}
