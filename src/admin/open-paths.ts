import type { Context, Hono } from 'hono';
import { AppError } from '../core/index.js';
import type { AdminEnvironment } from './admin-environment.js';
import type { Authenticate } from './authenticate.js';
import type { AdminDependencies } from './dependencies.js';

/** What a browser or tool on this machine calls a loopback listener. */
const LOOPBACK_HOST = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i;

/**
 * `/healthz`, `/readyz`, `/metrics`, `/version`. Probes carry no credentials, so the first two are always
 * open. The other two, and the reasons of `/readyz`, are open on a loopback listener, and there only under a
 * loopback name: a page that rebinds its own name to 127.0.0.1 reads nothing.
 */
export function addOpenPaths(
  app: Hono<AdminEnvironment>,
  dependencies: AdminDependencies,
  authenticate: Authenticate,
): void {
  const isOpen = (context: Context<AdminEnvironment>): boolean =>
    !dependencies.openPathsNeedToken && LOOPBACK_HOST.test(context.req.header('host') ?? '');
  const requireOpen = async (context: Context<AdminEnvironment>): Promise<void> => {
    if (!isOpen(context)) await authenticate(context);
  };

  app.get('/healthz', (context) => context.json({ status: 'ok' }));

  app.get('/readyz', async (context) => {
    const { ready, reasons } = await dependencies.readiness();
    const shown = isOpen(context) || (await isAuthenticated(context, authenticate));
    return context.json({ ready, reasons: shown ? reasons : [] }, ready ? 200 : 503);
  });

  app.get('/metrics', async (context) => {
    await requireOpen(context);
    const { contentType, text } = await dependencies.metrics();
    context.header('Content-Type', contentType);
    return context.body(text);
  });

  app.get('/version', async (context) => {
    await requireOpen(context);
    return context.json({ version: dependencies.about.version });
  });
}

async function isAuthenticated(
  context: Context<AdminEnvironment>,
  authenticate: Authenticate,
): Promise<boolean> {
  if (context.req.header('authorization') === undefined) return false;
  try {
    await authenticate(context);
    return true;
  } catch (error) {
    if (error instanceof AppError) return false;
    throw error;
  }
}
