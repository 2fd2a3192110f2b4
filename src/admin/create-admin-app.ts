import { randomUUID } from 'node:crypto';
import { OpenAPIHono } from '@hono/zod-openapi';
import type { Hono, MiddlewareHandler } from 'hono';
import { AppError } from '../core/index.js';
import type { AdminEnvironment } from './admin-environment.js';
import { adminOperations } from './admins.js';
import { alertOperations } from './alerts.js';
import { answerProblem } from './answer-problem.js';
import { auditOperations } from './audit.js';
import { createAuthenticate } from './authenticate.js';
import { addBackup } from './backup.js';
import { addCalendar, calendarOperation } from './calendar.js';
import { clientOperations } from './clients.js';
import { addCutoverEvents } from './cutover-events.js';
import { cutoverOperations } from './cutovers.js';
import type { AdminDependencies } from './dependencies.js';
import { addDocs } from './docs.js';
import { environmentOperations } from './environments.js';
import { EventStreams } from './event-streams.js';
import { explainUnknownPath } from './explain-unknown-path.js';
import { addAuditExport } from './export-audit.js';
import { notificationOperations } from './notifications.js';
import { addOpenPaths } from './open-paths.js';
import { openApiDocument } from './openapi-document.js';
import type { Operation } from './operation.js';
import { replaceSecretOperations } from './replace-secret.js';
import { addRotationEvents } from './rotation-events.js';
import { rotationRunOperations } from './rotation-runs.js';
import { rotationOperations } from './rotations.js';
import { routesOperations } from './routes.js';
import { routesInUseOperation } from './routes-in-use.js';
import { secretAgesOperation } from './secret-ages.js';
import { secretOperations } from './secrets.js';
import { serveOperation } from './serve-operation.js';
import { sessionOperations } from './sessions.js';
import { statusOperations } from './status.js';
import { systemOperation } from './system.js';
import { testVersionOperation } from './test-version.js';
import { tryRouteOperation } from './try-route.js';
import { usageHistoryOperation } from './usage-history.js';
import { IMMUTABLE_PATHS, valueImmutable, versionOperations } from './versions.js';

const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;

export type AdminApp = Hono<AdminEnvironment>;

/**
 * The admin listener's app: `/v1/…`, `/docs`, health and metrics. Hand its `fetch` to `@hono/node-server`.
 * It knows no cookies and allows no other origin: the only credential is the Authorization header; the console, which
 * has found out by itself who calls, says so beside the request.
 */
export function createAdminApp(dependencies: AdminDependencies): AdminApp {
  const app = new OpenAPIHono<AdminEnvironment>();
  const authenticate = createAuthenticate(dependencies);
  const operations = [
    ...environmentOperations(dependencies),
    ...secretOperations(dependencies),
    secretAgesOperation(dependencies),
    ...versionOperations(dependencies),
    testVersionOperation(dependencies),
    ...cutoverOperations(dependencies),
    calendarOperation(dependencies),
    ...rotationOperations(dependencies),
    ...rotationRunOperations(dependencies),
    ...routesOperations(dependencies),
    routesInUseOperation(dependencies),
    tryRouteOperation(dependencies),
    ...replaceSecretOperations(dependencies),
    ...clientOperations(dependencies),
    ...adminOperations(dependencies),
    ...sessionOperations(dependencies),
    usageHistoryOperation(dependencies),
    ...alertOperations(dependencies),
    ...notificationOperations(dependencies),
    ...auditOperations(dependencies),
    ...statusOperations(dependencies),
    systemOperation(dependencies),
  ];

  app.use('*', prepareAnswer);
  app.onError((error, context) => {
    if (!(error instanceof AppError) || error.status >= 500) {
      dependencies.logError(error, { requestId: context.get('requestId'), path: context.req.path });
    }
    return answerProblem(context, error);
  });

  addOpenPaths(app, dependencies, authenticate);
  addDocs(app);
  // Its path is that of an operation too, whose id it would be.
  addCalendar(app, dependencies, authenticate);
  for (const operation of operations) {
    app.openAPIRegistry.registerPath(operation.document);
    app.on(
      operation.method.toUpperCase(),
      routingPath(operation.path),
      serveOperation(operation, dependencies, authenticate),
    );
  }
  addBackup(app, dependencies, authenticate);
  addAuditExport(app, dependencies, authenticate);
  const following = { authenticate, streams: new EventStreams(dependencies) };
  addCutoverEvents(app, dependencies, following);
  addRotationEvents(app, dependencies, following);
  for (const { methods, path, allow } of IMMUTABLE_PATHS) {
    for (const method of methods) {
      app.on(method.toUpperCase(), routingPath(path), async (context) => {
        await authenticate(context);
        context.header('Allow', allow);
        throw valueImmutable();
      });
    }
  }
  // Made when somebody asks for it: it takes a noticeable part of the time of a start.
  let document: string | undefined;
  app.get('/v1/openapi.json', (context) => {
    document ??= JSON.stringify(openApiDocument(app, dependencies.about.version));
    context.header('Content-Type', 'application/json');
    return context.body(document);
  });

  const known = [...operations.map(pathAndMethod), ...OTHER_PATHS];
  app.notFound(async (context) => {
    try {
      if (context.req.path.startsWith('/v1/')) await authenticate(context);
      throw explainUnknownPath(context, known);
    } catch (error) {
      return answerProblem(context, error);
    }
  });
  return app as unknown as AdminApp;
}

const OTHER_PATHS = [
  ...['/docs', '/healthz', '/readyz', '/metrics', '/version', '/v1/openapi.json'].map((path) => ({
    path,
    method: 'GET',
  })),
  { path: '/v1/backup', method: 'POST' },
  { path: '/v1/audit/export', method: 'GET' },
  { path: '/v1/cutovers/{id}/events', method: 'GET' },
  { path: '/v1/rotations/{id}/events', method: 'GET' },
  { path: '/v1/rotations/calendar.ics', method: 'GET' },
];

function pathAndMethod({ path, method }: Operation): { path: string; method: string } {
  return { path, method: method.toUpperCase() };
}

/** Gives every answer its request id and the headers that keep browsers and caches out of it. */
const prepareAnswer: MiddlewareHandler<AdminEnvironment> = async (context, next) => {
  const given = context.req.header('x-request-id') ?? '';
  const requestId = REQUEST_ID.test(given) ? given : randomUUID();
  context.set('requestId', requestId);
  context.header('X-Request-Id', requestId);
  context.header('Cache-Control', 'no-store');
  context.header('Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'");
  context.header('Cross-Origin-Opener-Policy', 'same-origin');
  context.header('Cross-Origin-Resource-Policy', 'same-origin');
  context.header('Referrer-Policy', 'no-referrer');
  context.header('X-Content-Type-Options', 'nosniff');
  context.header('X-Frame-Options', 'DENY');
  await next();
};

/** `/v1/secrets/{name}` as Hono writes it. */
function routingPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ':$1');
}
