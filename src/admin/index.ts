/**
 * admin: the HTTP API for operators (`/v1/…`), its OpenAPI document and page, health, readiness and metrics;
 * one file per resource. The only home of hono and @hono/node-server. Imports core/, hono, zod and swagger-ui-dist.
 */
export type { AdminEnvironment } from './admin-environment.js';
export { createAdminApp } from './create-admin-app.js';
export type {
  AdminDependencies,
  AppliedRoutes,
  Readiness,
  RoutesControl,
  RoutesDifference,
  RoutesFindings,
} from './dependencies.js';
export { type AdminListener, type AdminTls, createAdminListener } from './listen-admin.js';
