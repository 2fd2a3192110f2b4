import { z } from '@hono/zod-openapi';
import type { Plan, Route, RouteInUseAnswer, SecretReference } from '../core/index.js';
import type { AdminDependencies } from './dependencies.js';
import { defineOperation, type Operation } from './operation.js';
import { booleanParameter, integerParameter, pageOf, pageParameters } from './query-parameters.js';
import { referencesOf } from './references-of.js';
import { coversEntry } from './routes-scope.js';
import { NO_ROUTES } from './show-routes.js';

const RouteInUse = z
  .strictObject({
    route: z.string(),
    match: z.record(z.string(), z.unknown()).openapi({ description: 'As the document has it' }),
    environment: z.string(),
    upstream: z.string(),
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

const ROWS = 100;

/** One environment of a route, as it is found before it is described. */
interface Entry {
  readonly route: Route;
  readonly environment: string;
  /** Undefined where this server does not serve it. */
  readonly plan: Plan | undefined;
}

/** The routes as requests meet them. */
export function routesInUseOperation({ store, planOf }: AdminDependencies): Operation {
  return defineOperation({
    method: 'get',
    path: '/v1/routes/in-use',
    tag: 'routes',
    summary: 'Show what each route injects now, by environment',
    description:
      'As requests meet it: which version of which secret, and where every request fails because a value is missing or cannot be placed. Names and numbers only.',
    role: 'viewer',
    query: z.strictObject({
      route: z.string().optional(),
      environment: z.string().optional(),
      failing: booleanParameter('Whether every request fails there').optional(),
      search: z.string().max(200).optional().openapi({
        description: 'Part of the name of the route, an environment, a secret, or of the upstream',
      }),
      ...pageParameters,
      cursor: integerParameter(
        1,
        Number.MAX_SAFE_INTEGER,
        pageParameters.cursor.description ?? '',
      ).optional(),
    }),
    status: 200,
    answer: z
      .strictObject({
        ...pageOf(RouteInUse).shape,
        failing: z.int().openapi({ description: 'How many fail, of all that the token may see' }),
      })
      .openapi('RoutesInUse'),
    answerDescription:
      'Environments of the routes that the token may see, as the document has them',
    changes: false,
    async handle({ caller, query }) {
      const applied = (await store.currentRoutes())?.document ?? NO_ROUTES;
      const entries = applied.routes.flatMap((route): Entry[] =>
        Object.keys(route.environments)
          .filter((environment) => coversEntry(caller.admin, route, environment))
          .map((environment) => ({ route, environment, plan: planOf(route.name, environment) })),
      );
      const found = entries.filter((entry) => fits(entry, query));
      const { cursor: from = 0, limit = ROWS } = query;
      const next = from + limit;
      return {
        body: {
          // Only what is asked for is worked out: a document may have thousands.
          items: found.slice(from, next).map(show),
          nextCursor: next < found.length ? String(next) : null,
          failing: entries.filter(isFailing).length,
        },
      };
    },
  });
}

function isFailing({ plan }: Entry): boolean {
  return plan?.failure !== undefined;
}

interface Wanted {
  readonly route?: string | undefined;
  readonly environment?: string | undefined;
  readonly failing?: boolean | undefined;
  readonly search?: string | undefined;
}

function fits(entry: Entry, { route, environment, failing, search }: Wanted): boolean {
  if (route !== undefined && entry.route.name !== route) return false;
  if (environment !== undefined && entry.environment !== environment) return false;
  if (failing !== undefined && isFailing(entry) !== failing) return false;
  if (search === undefined) return true;
  const part = search.toLowerCase();
  const upstream = entry.route.environments[entry.environment]?.upstream ?? '';
  const has = (text: string): boolean => text.toLowerCase().includes(part);
  return (
    has(entry.route.name) ||
    has(entry.environment) ||
    has(upstream) ||
    referencesOf(entry.route, entry.environment).some(({ name }) => has(name))
  );
}

function show(entry: Entry) {
  const { route, environment, plan } = entry;
  const named = new Map<string, SecretReference>();
  for (const reference of referencesOf(route, environment)) {
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
    match: { ...route.match },
    environment,
    upstream: route.environments[environment]?.upstream ?? '',
    served: plan !== undefined,
    injects,
    failure: plan?.failure ?? null,
  } satisfies RouteInUseAnswer;
}
