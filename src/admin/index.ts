/**
 * admin: the HTTP API for operators (`/v1/…`), its OpenAPI document and page, health, readiness and metrics;
 * one file per resource. Imports core/, hono, @hono/node-server, zod and swagger-ui-dist.
 */
export type { AdminEnvironment } from './admin-environment.js';
export { AttemptLimit } from './attempt-limit.js';
export { type AdminApp, createAdminApp } from './create-admin-app.js';
export type {
  AdminDependencies,
  AppliedRoutes,
  Readiness,
  RoutesControl,
  RoutesDifference,
  RoutesFindings,
} from './dependencies.js';
export {
  type AdminFetch,
  type AdminListener,
  type AdminTls,
  createAdminListener,
} from './listen-admin.js';
