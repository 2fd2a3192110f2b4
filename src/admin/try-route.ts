import { z } from '@hono/zod-openapi';
import {
  AppError,
  type ErrorCode,
  effectiveRoute,
  nearestName,
  type PreparedTry,
  type RequestTrier,
  type Route,
  type TriedRequest,
} from '../core/index.js';
import { actorOf } from './actor.js';
import type { AuthenticatedAdmin } from './admin-environment.js';
import { AttemptLimit } from './attempt-limit.js';
import type { AdminDependencies } from './dependencies.js';
import { defineOperation, type Operation } from './operation.js';
import { environmentParameter } from './query-parameters.js';
import { coversEntry } from './routes-scope.js';
import { coversSecretName, outsideScope, requireEnvironment } from './scope.js';
import { showTry, TryResult } from './show-try.js';

const METHODS = ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
/** RFC 9110 sections 5.1 and 5.5: a token; no control characters. */
const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]{0,8192}$/;
const MAX_HEADERS = 50;

const TryBody = z
  .strictObject({
    method: z.enum(METHODS).optional().openapi({ description: 'Default: GET' }),
    path: z
      .string()
      .max(4096)
      .regex(/^\//, 'expected a path that begins with "/"')
      .optional()
      .openapi({
        description:
          "As an app writes it, with the route's prefix; may have a query. Default: that of the route's `probe`, else the prefix",
      }),
    headers: z
      .record(
        z.string().regex(HEADER_NAME, 'expected the name of a header'),
        z.string().regex(HEADER_VALUE, 'expected a text without line breaks, in Latin-1'),
      )
      .refine((headers) => Object.keys(headers).length <= MAX_HEADERS, {
        message: `expected at most ${MAX_HEADERS} headers`,
      })
      .optional(),
    body: z.string().max(256_000).optional().openapi({ description: 'Sent as UTF-8' }),
    with: z
      .strictObject({ secret: z.string(), version: z.int().min(1).max(999_999_999) })
      .optional()
      .openapi({ description: 'A version, also a staged one, in place of the one in use' }),
  })
  .openapi('RouteTry');

/** One request of a person through a route. */
export function tryRouteOperation({ store, requestTrier, clock }: AdminDependencies): Operation {
  const limit = new AttemptLimit(clock);
  return defineOperation({
    method: 'post',
    path: '/v1/routes/{route}/environments/{environment}/try',
    tag: 'routes',
    summary: 'Send one request through a route and see what was sent',
    description:
      "It takes the path of a client's request, but for the token, to the upstream of the route and nowhere else. It is real: a POST changes what it changes. It counts as no use of a version. Values are shown nowhere: what is placed is named by secret and version, and the response is searched for every form of the values. It is in the audit log before it is sent.",
    role: 'operator',
    params: z.strictObject({
      route: z.string().openapi({ description: 'Name of the route', example: 'stripe' }),
      environment: environmentParameter,
    }),
    body: TryBody,
    bodyRequired: false,
    example: { method: 'GET', path: '/stripe/v1/charges?limit=1' },
    status: 200,
    answer: TryResult,
    answerDescription: 'What came of it, also where nothing could be sent',
    errors: ['not_found', 'route_not_found'],
    changes: false,
    async handle({ caller, params: { route: name, environment }, body }) {
      requireEnvironment(caller.admin, environment);
      const routes = (await store.currentRoutes())?.document.routes ?? [];
      const route = findRoute(
        routes.filter((one) => coversEntry(caller.admin, one, environment)),
        name,
        environment,
      );
      requirePace(limit, caller);
      const { method = 'GET', path = defaultPath(route, environment) } = body;
      const prepared = await prepare(requestTrier, {
        route: name,
        environment,
        method,
        target: path,
        headers: withHost(route, Object.entries(body.headers ?? {})),
        body: Buffer.from(body.body ?? ''),
        with: body.with === undefined ? undefined : { ...body.with, toSecret: null },
      });
      // The routes may have changed since they were read.
      if (!prepared.secrets.every((secret) => coversSecretName(caller.admin, secret))) {
        throw outsideScope();
      }
      requireMatch(prepared, route, method, (other) =>
        routes.some((one) => one.name === other && coversEntry(caller.admin, one, environment)),
      );
      // First: what cannot be written down is not sent.
      await store.recordAudit({
        actor: actorOf(caller),
        action: 'route.try',
        environment,
        detail: {
          route: name,
          method,
          path: prepared.path,
          ...(body.with === undefined ? {} : { with: `${body.with.secret}@${body.with.version}` }),
        },
      });
      const answer = await prepared.send();
      return {
        body: { route: name, environment, method, path: prepared.path, ...showTry(answer) },
      };
    },
  });
}

/** What a client would be answered with: here it is the caller's own input that is wrong. */
const HEAD_REFUSALS: readonly ErrorCode[] = ['request_rejected', 'headers_too_large'];

async function prepare(trier: RequestTrier, request: TriedRequest): Promise<PreparedTry> {
  try {
    return await trier.prepare(request);
  } catch (error) {
    if (!(error instanceof AppError) || !HEAD_REFUSALS.includes(error.code)) throw error;
    throw new AppError('invalid_request', error.message);
  }
}

/** Throws `route_not_found` with the nearest spelling. */
function findRoute(routes: readonly Route[], name: string, environment: string): Route {
  const found = routes.find((one) => one.name === name);
  if (found !== undefined) return found;
  const message = `there is no such route in ${environment}`;
  const nearest = nearestName(
    name,
    routes.map((one) => one.name),
  );
  throw new AppError('route_not_found', `route: ${message}.`, {
    problems: [{ path: 'route', message, ...(nearest === undefined ? {} : { nearest }) }],
  });
}

function requirePace(limit: AttemptLimit, { admin }: AuthenticatedAdmin): void {
  const retryAfterSeconds = limit.record(admin.id);
  if (retryAfterSeconds === undefined) return;
  const detail = 'Too many requests were tried: 20 a minute may be. Wait as Retry-After says.';
  throw new AppError('rate_limited', detail, { retryAfterSeconds });
}

/** Throws `invalid_request` where a client's request would be another route's. */
function requireMatch(
  { matched }: PreparedTry,
  route: Route,
  method: string,
  isVisible: (route: string) => boolean,
): void {
  if (matched === route.name) return;
  const { methods, pathPrefix } = route.match;
  const taker =
    matched === undefined ? 'no route' : isVisible(matched) ? `the route "${matched}"` : 'another';
  const own = [
    ...(methods === undefined ? [] : [`method ${methods.join(' or ')}`]),
    ...(pathPrefix === undefined ? [] : [`a path under ${pathPrefix}`]),
  ].join(' and ');
  const message = `a ${method} there is taken by ${taker}${own === '' ? '' : `; "${route.name}" takes ${own}`}`;
  throw new AppError('invalid_request', `path: ${message}`, {
    problems: [{ path: 'path', message }],
  });
}

/** The path of the probe as an app writes it. */
function defaultPath(route: Route, environment: string): string {
  const prefix = route.match.pathPrefix ?? '/';
  const effective = effectiveRoute(route, environment);
  const path = effective?.probe?.path;
  if (path === undefined) return prefix;
  return effective?.stripPrefix === true ? `${prefix.replace(/\/$/, '')}${path}` : path;
}

/** The upstream gets its own; this one is for the match. */
function withHost(route: Route, headers: [string, string][]): [string, string][] {
  if (headers.some(([name]) => name.toLowerCase() === 'host')) return headers;
  const host = route.match.host?.replace(/^\*/, 'try') ?? 'localhost';
  return [['Host', host], ...headers];
}
