import { z } from '@hono/zod-openapi';
import {
  effectiveRoute,
  type Plan,
  placedTemplates,
  type Route,
  type RouteInUseAnswer,
  type SecretReference,
} from '../core/index.js';
import type { AdminDependencies } from './dependencies.js';
import { defineOperation, type Operation } from './operation.js';
import { visibleRoutes } from './routes-scope.js';
import { NO_ROUTES } from './show-routes.js';

const RouteInUse = z
  .strictObject({
    route: z.string(),
    environment: z.string(),
    served: z.boolean().openapi({
      description: 'False where this server leaves the environment to others (`--environment`)',
    }),
    injects: z.array(
      z.strictObject({
        secret: z.string(),
        version: z.int().nullable().openapi({ description: 'null where none can be placed' }),
        pinned: z.boolean().openapi({
          description: 'The route names this version, and not whichever is current',
        }),
      }),
    ),
    failure: z
      .strictObject({ code: z.string(), detail: z.string() })
      .nullable()
      .openapi({ description: 'What every request is answered with; null where they are sent' }),
  })
  .openapi('RouteInUse');

/** The routes as requests meet them. */
export function routesInUseOperation({ store, snapshot }: AdminDependencies): Operation {
  return defineOperation({
    method: 'get',
    path: '/v1/routes/in-use',
    tag: 'routes',
    summary: 'Show what each route injects now, by environment',
    description:
      'As requests meet it: which version of which secret, and where every request fails because a value is missing or cannot be placed. Names and numbers only.',
    role: 'viewer',
    status: 200,
    answer: z.strictObject({ items: z.array(RouteInUse) }).openapi('RoutesInUse'),
    answerDescription: 'Each environment of each route that the token may see',
    changes: false,
    async handle({ caller }) {
      const applied = (await store.currentRoutes())?.document ?? NO_ROUTES;
      const plans = new Map(
        snapshot().plans.flatMap((byEnvironment) =>
          [...byEnvironment.values()].map((plan) => [keyOf(plan.route, plan.environment), plan]),
        ),
      );
      const items = visibleRoutes(caller.admin, applied).routes.flatMap((route) =>
        Object.keys(route.environments).map((environment) =>
          show(route, environment, plans.get(keyOf(route.name, environment))),
        ),
      );
      return { body: { items } };
    },
  });
}

/** Environments hold no space. */
function keyOf(route: string, environment: string): string {
  return `${environment} ${route}`;
}

function show(route: Route, environment: string, plan: Plan | undefined) {
  const effective = effectiveRoute(route, environment);
  const references = effective === undefined ? [] : placedTemplates(effective);
  const named = new Map<string, SecretReference>();
  for (const reference of references.flatMap((place) => place.references)) {
    named.set(`${reference.name}@${reference.version ?? ''}`, reference);
  }
  const pinned = new Set(
    [...named.values()].flatMap(({ name, version }) =>
      version === undefined ? [] : [`${name}@${version}`],
    ),
  );
  const ofName = (name: string) => (plan?.uses ?? []).filter(({ secret }) => secret === name);
  const injects = [...named.values()].map(({ name, version }) => {
    const used =
      version === undefined
        ? // One that is pinned as well may be the current one.
          (ofName(name).find((use) => !pinned.has(`${name}@${use.version}`)) ?? ofName(name)[0])
        : ofName(name).find((use) => use.version === version);
    return { secret: name, version: used?.version ?? null, pinned: version !== undefined };
  });
  return {
    route: route.name,
    environment,
    served: plan !== undefined,
    injects,
    failure: plan?.failure ?? null,
  } satisfies RouteInUseAnswer;
}
