import { z } from '@hono/zod-openapi';
import {
  AppError,
  effectiveRoute,
  nearestName,
  PROBE_METHODS,
  type Probe,
  type ProbeAnswer,
  type Route,
  VERSION_STATES,
} from '../core/index.js';
import { actorOf } from './actor.js';
import type { AdminDependencies } from './dependencies.js';
import { requireSecret } from './find-secret.js';
import { defineOperation, type Operation } from './operation.js';
import { environmentParameter, integerParameter, secretNameParameter } from './query-parameters.js';
import { namesCurrent } from './references-of.js';
import { coversEntry } from './routes-scope.js';
import { requireEnvironment } from './scope.js';

const TestBody = z
  .strictObject({
    route: z.string().optional().openapi({
      description: 'May be left out where exactly one route names the secret in the environment',
    }),
    method: z.enum(PROBE_METHODS).optional().openapi({
      description: "Default: that of the route's `probe`, else GET",
    }),
    path: z
      .string()
      .max(8192)
      .regex(/^\//, 'expected a path that begins with "/"')
      .optional()
      .openapi({
        description:
          "As the upstream is to see it behind its base path. Default: that of the route's `probe`, else /",
      }),
  })
  .openapi('VersionTest');

const OUTCOMES = ['accepted', 'refused', 'failed', 'unclear'] as const;

const TestResult = z
  .strictObject({
    secret: z.string(),
    environment: z.string(),
    version: z.int(),
    state: z.enum(VERSION_STATES),
    route: z.string(),
    method: z.string(),
    path: z.string(),
    status: z.int().nullable().openapi({ description: "The upstream's; null when none came" }),
    outcome: z.enum(OUTCOMES).openapi({
      description:
        '`accepted`: the status that the route expects, or any below 400; `refused`: one of its `refusedCredential.statuses`; `failed`: 5xx, or no answer; `unclear`: any other, which says nothing about the credential',
    }),
    injected: z.array(z.string()).openapi({ example: ['stripe_api_key@2'] }),
    code: z.string().nullable().openapi({
      description: 'Why none came, or why it would not have been passed on: an error code',
    }),
    detail: z.string().nullable(),
    durationMs: z.number(),
  })
  .openapi('VersionTestResult');

/** One request that tries a version before any app's has it. */
export function testVersionOperation({ store, prober }: AdminDependencies): Operation {
  return defineOperation({
    method: 'post',
    path: '/v1/secrets/{name}/environments/{environment}/versions/{version}/test',
    tag: 'versions',
    summary: 'Try a version with one request to the upstream',
    description:
      'Sends one request through the real path, with this version in place of the one in use, and answers with what came of it. It counts as no use of the version. Nothing of the response is given but its status.',
    role: 'operator',
    params: z.strictObject({
      name: secretNameParameter,
      environment: environmentParameter,
      version: integerParameter(1, 999_999_999, 'Number of the version'),
    }),
    body: TestBody,
    bodyRequired: false,
    example: { route: 'stripe', path: '/v1/account' },
    status: 200,
    answer: TestResult,
    answerDescription: 'What came of it, also where nothing could be sent',
    errors: ['not_found', 'environment_unknown', 'route_not_found'],
    changes: false,
    async handle({ caller, params: { name, environment, version }, body }) {
      requireEnvironment(caller.admin, environment);
      await requireSecret(store, caller.admin, name);
      const versions = await store.listVersions(name, environment);
      const found = versions.find((one) => one.version === version);
      if (found === undefined) {
        throw new AppError('not_found', `"${name}" has no version ${version} in ${environment}.`);
      }
      const routes = (await store.currentRoutes())?.document.routes ?? [];
      const own = routes.filter((route) => coversEntry(caller.admin, route, environment));
      const route = chooseRoute(own, body.route, name, environment);
      const probe = effectiveRoute(route, environment)?.probe;
      const target = targetOf(probe, body);
      const answer = await prober.probe({
        route: route.name,
        environment,
        method: target.method,
        path: target.path,
        with: { secret: name, version, toSecret: null },
      });
      if (answer.code === 'request_rejected') {
        throw new AppError('invalid_request', `method, path: ${answer.detail ?? ''}`);
      }
      const outcome = judge(answer, target.expectedStatus);
      const { status } = answer;
      await store.recordAudit({
        actor: actorOf(caller),
        action: 'version.test',
        secret: name,
        environment,
        detail: { version, route: route.name, method: target.method, status, outcome },
      });
      return {
        body: {
          secret: name,
          environment,
          version,
          state: found.state,
          route: route.name,
          method: target.method,
          path: target.path,
          status: status === 0 ? null : status,
          outcome,
          injected: [...answer.injected],
          code: answer.code ?? null,
          detail: answer.detail ?? null,
          durationMs: Math.round(answer.durationMs * 100) / 100,
        },
      };
    },
  });
}

/** The named route, or the only one. Throws `route_not_found` and `invalid_request`, which say which there are. */
function chooseRoute(
  routes: readonly Route[],
  given: string | undefined,
  secret: string,
  environment: string,
): Route {
  const naming = routes.filter((route) => namesCurrent(route, environment, secret));
  const names = naming.map(({ name }) => name);
  const [first] = naming;
  if (first === undefined) {
    const detail = `No route places "${secret}" in ${environment} without pinning a version: apply one first.`;
    throw new AppError('route_not_found', detail);
  }
  if (given === undefined && naming.length === 1) return first;
  const found = naming.find(({ name }) => name === given);
  if (found !== undefined) return found;
  const those = `Routes that do in ${environment}: ${names.slice(0, 20).join(', ')}.`;
  if (given === undefined) {
    const message = `missing; several routes place "${secret}", so name one`;
    const problems = [{ path: 'route', message }];
    throw new AppError('invalid_request', `route: ${message}. ${those}`, { problems });
  }
  const message = `this route does not place "${secret}" without pinning a version`;
  const nearest = nearestName(given, names);
  throw new AppError('route_not_found', `route: ${message}. ${those}`, {
    problems: [{ path: 'route', message, ...(nearest === undefined ? {} : { nearest }) }],
  });
}

/** What the route's probe expects is expected of that one alone. */
function targetOf(
  probe: Probe | undefined,
  { method, path }: z.output<typeof TestBody>,
): { method: string; path: string; expectedStatus: number | undefined } {
  const isProbe = method === undefined && path === undefined;
  return {
    method: method ?? (path === undefined ? probe?.method : undefined) ?? 'GET',
    path: path ?? probe?.path ?? '/',
    expectedStatus: isProbe ? probe?.expectedStatus : undefined,
  };
}

/** A status that speaks of something else than the credential is no proof that it is good. */
function judge(
  { status, outcome }: ProbeAnswer,
  expectedStatus: number | undefined,
): (typeof OUTCOMES)[number] {
  if (status === 0) return 'failed';
  const isGood = expectedStatus === undefined ? status < 400 : status === expectedStatus;
  if (isGood) return 'accepted';
  return outcome === 'accepted' ? 'unclear' : outcome;
}
