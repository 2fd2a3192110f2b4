import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Hono } from 'hono';
import type { AdminEnvironment } from './admin-environment.js';

/** Everything from here, nothing inline. Swagger UI's style sheet has images as data: addresses. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Keyferry admin API</title>
<link rel="icon" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
<script src="/docs/swagger-ui-bundle.js" defer></script>
<script src="/docs/open.js" defer></script>
</head>
<body>
<noscript>This page needs scripts. The same in JSON: <a href="/v1/openapi.json">/v1/openapi.json</a></noscript>
<main id="docs"></main>
</body>
</html>
`;

/** No validator badge: it would send the document to a stranger. The token stays in the page's memory. */
const OPEN_SCRIPT = `SwaggerUIBundle({
  url: '/v1/openapi.json',
  dom_id: '#docs',
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: 'list',
  persistAuthorization: false,
  tryItOutEnabled: true,
  validatorUrl: null,
});
`;

const ASSETS: Readonly<Record<string, string>> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
};

/** `/docs`: the OpenAPI document as a page, all of it served from here. */
export function addDocs(app: Hono<AdminEnvironment>): void {
  const folder = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
  app.get('/docs', (context) => {
    context.header('Content-Security-Policy', CONTENT_SECURITY_POLICY);
    return context.html(PAGE);
  });
  app.get('/docs/open.js', (context) => {
    context.header('Content-Type', 'text/javascript; charset=utf-8');
    return context.body(OPEN_SCRIPT);
  });
  for (const [name, type] of Object.entries(ASSETS)) {
    app.get(`/docs/${name}`, async (context) => {
      context.header('Content-Type', type);
      return context.body(new Uint8Array(await readFile(join(folder, name))));
    });
  }
}
