import type { OpenAPIHono } from '@hono/zod-openapi';
import type { AdminEnvironment } from './admin-environment.js';

/** The OpenAPI 3.1 document, made from the schemas that check the requests. */
export function openApiDocument(app: OpenAPIHono<AdminEnvironment>, version: string) {
  app.openAPIRegistry.registerComponent('securitySchemes', 'adminToken', {
    type: 'http',
    scheme: 'bearer',
    description: 'An admin token, `kfa_…`',
  });
  return app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Keyferry admin API',
      version,
      description:
        'Secrets, versions, routes, clients and admins of a Keyferry server. Errors are RFC 9457 problem details with a stable `code`, which the header `Keyferry-Error` repeats. Values go in and never come out.',
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    tags: [
      { name: 'environments', description: 'Declared names; no value is shared between them' },
      { name: 'secrets', description: 'What is said about a secret, and who uses it' },
      { name: 'versions', description: 'Immutable values, one numbered list per environment' },
      { name: 'cutovers', description: 'From one version to the next, judged by live traffic' },
      {
        name: 'rotations',
        description: 'New keys made by providers, brought live, and old ones revoked',
      },
      { name: 'routes', description: 'The routes document and its revisions' },
      { name: 'clients', description: 'Apps that may send requests' },
      { name: 'admins', description: 'Operators and their tokens' },
      { name: 'sessions', description: 'Who is signed in at the console' },
      { name: 'usage', description: 'Requests over time' },
      { name: 'alerts', description: 'What needs a person' },
      { name: 'notifications', description: 'Where it is told' },
      { name: 'audit', description: 'Who did what' },
      { name: 'system', description: 'The server itself' },
    ],
  });
}
