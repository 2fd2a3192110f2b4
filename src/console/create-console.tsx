import { Hono, type MiddlewareHandler } from 'hono';
import type { Clock, SessionStore, Store, Tokens } from '../core/index.js';
import { addAdmins } from './admins.js';
import { addAlerts } from './alerts.js';
import { ApiProblem, type CallApi, createApi } from './api.js';
import { askToSignIn } from './ask-to-sign-in.js';
import { createAttemptCookie } from './attempt-cookie.js';
import { addAudit } from './audit.js';
import { addChannels } from './channels.js';
import { addClients } from './clients.js';
import type { ConsoleContext, ConsoleEnvironment } from './console-environment.js';
import { addCutoverPage } from './cutover-page.js';
import { addCutovers } from './cutovers.js';
import { addEditRotation } from './edit-rotation.js';
import { addEditSecret } from './edit-secret.js';
import { addEnableRotation } from './enable-rotation.js';
import { renderBare, renderPage } from './layout.js';
import { limitForm, limitRoutesForm } from './limit-form.js';
import { addNewSecret } from './new-secret.js';
import { createOpenIdConnect, type OpenIdConnectOptions } from './openid-connect.js';
import { addOverview } from './overview.js';
import { refuseForeignPosts } from './refuse-foreign-posts.js';
import { addRotationPage } from './rotation-page.js';
import { addRotations } from './rotations.js';
import { addRoutes, type ReadRoutes } from './routes.js';
import { addSecretPage } from './secret-page.js';
import { addSecrets } from './secrets.js';
import { serveAssets } from './serve-assets.js';
import { createSessionCookie } from './session-cookie.js';
import { addSignIn } from './sign-in.js';
import { addOidcSignIn } from './sign-in-oidc.js';
import { addSystem } from './system.js';
import { addTryRoute } from './try-route.js';

export interface ConsoleDependencies {
  readonly store: SessionStore & Pick<Store, 'findAdmin'>;
  readonly tokens: Tokens;
  readonly clock: Clock;
  readonly callApi: CallApi;
  readonly readRoutes: ReadRoutes;
  /** Whether the listener speaks TLS: its cookie is for TLS alone then. */
  readonly secure: boolean;
  /** Undefined = nobody signs in with OpenID Connect. */
  readonly openIdConnect: Omit<OpenIdConnectOptions, 'clock'> | undefined;
  /** Too many failures to sign in from one address: seconds to wait. */
  readonly tooMany: (address: string) => number | undefined;
  /** Takes what no page may show: unexpected errors. */
  readonly logError: (error: unknown, where: { readonly path: string }) => void;
}

export type Console = Hono<ConsoleEnvironment>;

/** All from here, nothing inline, framed by nobody, forms to nobody else. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The pages. Everything that is shown or changed goes through the admin API, as the person who is signed in. */
export function createConsole(dependencies: ConsoleDependencies): Console {
  const { store, tokens, clock, callApi, secure, openIdConnect } = dependencies;
  const app = new Hono<ConsoleEnvironment>();
  const cookie = createSessionCookie(secure);
  const oidc =
    openIdConnect === undefined ? undefined : createOpenIdConnect({ ...openIdConnect, clock });

  app.use('*', protectPage);
  app.use('*', refuseForeignPosts);
  app.use('*', limitForm);
  serveAssets(app);
  addSignIn(app, { ...dependencies, cookie, oidc });
  if (oidc !== undefined) {
    const attempts = createAttemptCookie(secure, { tokens, clock });
    addOidcSignIn(app, { ...dependencies, cookie, attempts, oidc });
  }

  app.use('*', async (context, next) => {
    const token = cookie.read(context);
    const id = token === undefined ? undefined : tokens.idOf(token);
    const session = id === undefined ? undefined : await store.findSession(id);
    if (token === undefined || session === undefined || !tokens.matches(token, session.tokenHash)) {
      return askToSignIn(context);
    }
    if (session.origin === 'oidc' && session.grantedBy !== oidc?.grantedBy) {
      return askToSignIn(context);
    }
    const caller = { admin: session.admin, token };
    context.set('visitor', { session, token, api: createApi(callApi, caller, context.env) });
    return next();
  });

  app.post('/routes', limitRoutesForm);
  addOverview(app);
  addSecrets(app);
  addNewSecret(app);
  addSecretPage(app);
  addEditSecret(app);
  addCutovers(app);
  addCutoverPage(app);
  addRotations(app);
  addEnableRotation(app);
  addRotationPage(app);
  addEditRotation(app);
  addRoutes(app, dependencies.readRoutes);
  addTryRoute(app);
  addClients(app);
  addAlerts(app);
  addChannels(app);
  addAudit(app);
  addAdmins(app);
  addSystem(app);

  app.notFound((context) => {
    const children = (
      <div class="empty">
        <p>There is no such page.</p>
        <p>
          <a href="/">To the overview</a>
        </p>
      </div>
    );
    return context.get('visitor') === undefined
      ? renderBare(context, { title: 'Not found', children })
      : renderPage(context, { title: 'Not found', children }, 404);
  });

  app.onError((error, context) => {
    if (error instanceof ApiProblem) return showProblem(context, error);
    dependencies.logError(error, { path: context.req.path });
    const children = <p>Something unexpected happened. The server log has the cause.</p>;
    return renderBare(context, { title: 'Error', children }, 500);
  });
  return app;
}

const PROBLEM_STATUSES = [400, 403, 404, 409, 422, 503] as const;

function showProblem(context: ConsoleContext, problem: ApiProblem): Promise<Response> {
  const status = PROBLEM_STATUSES.find((one) => one === problem.status) ?? 500;
  const children = (
    <div class="notice bad" role="alert">
      <p>{problem.message}</p>
    </div>
  );
  return renderPage(
    context,
    { title: problem.status === 404 ? 'Not found' : 'Refused', children },
    status,
  );
}

const protectPage: MiddlewareHandler<ConsoleEnvironment> = async (context, next) => {
  context.header('Content-Security-Policy', CONTENT_SECURITY_POLICY);
  context.header('Cross-Origin-Opener-Policy', 'same-origin');
  context.header('Cross-Origin-Resource-Policy', 'same-origin');
  context.header('Permissions-Policy', 'camera=(), geolocation=(), microphone=()');
  context.header('Referrer-Policy', 'same-origin');
  context.header('X-Content-Type-Options', 'nosniff');
  context.header('X-Frame-Options', 'DENY');
  context.header('Cache-Control', 'no-store');
  await next();
};
