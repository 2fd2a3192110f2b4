import type { Hono } from 'hono';
import type { FC } from 'hono/jsx';
import {
  type AuditRowAnswer,
  type CutoverDetail,
  type PageAnswer,
  PROVIDERS_ENVIRONMENT,
  type SecretDetail,
  type VersionAnswer,
} from '../core/index.js';
import { Allowed } from './allowed.js';
import { segment, withQuery } from './api.js';
import { AuditTable } from './audit.js';
import type { ConsoleContext, ConsoleEnvironment } from './console-environment.js';
import { environmentNames } from './environment-names.js';
import { EnvironmentPanel, type RefusedForm } from './environment-panel.js';
import { readForm, type SentForm } from './form.js';
import { renderPage } from './layout.js';
import { AGE_TONES, Mark } from './mark.js';
import { Moment } from './moment.js';
import { refusalOf } from './problem-notice.js';
import { cutoverOf } from './start-cutover.js';
import { chartSpan, readUse } from './use-over-time.js';

const BASE = '/secrets/:name/environments/:environment';
const SHOWN_AUDIT_ROWS = 15;

/** `/secrets/NAME`: its environments, versions and consumers, and what can be done with them. */
export function addSecretPage(app: Hono<ConsoleEnvironment>): void {
  app.get('/secrets/:name', (context) => showSecret(context, context.req.param('name')));

  app.post(`${BASE}/versions`, (context) =>
    change(context, async (path, form) => {
      const { api } = context.get('visitor');
      await api.post(`${path}/versions`, { value: form.exact('value'), note: form.text('note') });
    }),
  );

  for (const verb of ['activate', 'revoke'] as const) {
    app.post(`${BASE}/versions/:version/${verb}`, (context) =>
      change(context, async (path, form) => {
        const reason = form.text('reason');
        const force = verb === 'revoke' && reason !== undefined ? { force: true, reason } : {};
        const version = segment(context.req.param('version') ?? '');
        await context.get('visitor').api.post(`${path}/versions/${version}/${verb}`, force);
      }),
    );
  }

  app.post(`${BASE}/versions/:version/destroy`, (context) =>
    change(context, async (path) => {
      const version = segment(context.req.param('version') ?? '');
      await context.get('visitor').api.delete(`${path}/versions/${version}`);
    }),
  );

  app.post(`${BASE}/rollback`, (context) =>
    change(context, (path) => context.get('visitor').api.post(`${path}/rollback`)),
  );

  app.post(`${BASE}/cutovers`, (context) =>
    change(context, async (path, form) => {
      const { api } = context.get('visitor');
      const { id } = await api.post<{ id: string }>(`${path}/cutovers`, cutoverOf(form));
      return `/cutovers/${segment(id)}`;
    }),
  );
}

/** One change in an environment: then the page anew (or another one), or the page with what was refused. */
async function change(
  context: ConsoleContext,
  act: (path: string, form: SentForm) => Promise<unknown>,
): Promise<Response> {
  const name = context.req.param('name') ?? '';
  const environment = context.req.param('environment') ?? '';
  const page = `/secrets/${segment(name)}`;
  const form = await readForm(context);
  const next: { page?: unknown } = {};
  const problem = await refusalOf(async () => {
    next.page = await act(`/v1${page}/environments/${segment(environment)}`, form);
  });
  if (problem !== undefined) return showSecret(context, name, { environment, problem, form });
  const to = typeof next.page === 'string' ? next.page : `${page}#${segment(environment)}`;
  return context.redirect(to, 303);
}

/** Also for what was refused elsewhere, and is to be done here. */
export async function showSecret(
  context: ConsoleContext,
  name: string,
  refused?: RefusedForm,
): Promise<Response> {
  const { api } = context.get('visitor');
  const path = `/v1/secrets/${segment(name)}`;
  const span = chartSpan(context.req.query('span'));
  const [secret, names, use, history] = await Promise.all([
    api.get<SecretDetail>(path),
    environmentNames(api),
    readUse(api, span, { secret: name }),
    api.get<PageAnswer<AuditRowAnswer>>('/v1/audit', { secret: name, limit: SHOWN_AUDIT_ROWS }),
  ]);
  // A credential for a provider is in no other environment, as a rule.
  const isForProviders = secret.environments.some(
    ({ environment }) => environment === PROVIDERS_ENVIRONMENT,
  );
  const isInUse = secret.environments.length > (isForProviders ? 1 : 0);
  const shown = isForProviders || refused?.environment === PROVIDERS_ENVIRONMENT;
  const panels = await Promise.all(
    [...(shown && !isInUse ? [] : names), ...(shown ? [PROVIDERS_ENVIRONMENT] : [])].map(
      async (environment) => {
        const held = secret.environments.find((one) => one.environment === environment);
        const [versions, cutover] = await Promise.all([
          held === undefined
            ? []
            : api
                .get<PageAnswer<VersionAnswer>>(
                  `${path}/environments/${segment(environment)}/versions`,
                )
                .then(({ items }) => items),
          held === undefined || held.cutover === null
            ? undefined
            : api.get<CutoverDetail>(`/v1/cutovers/${segment(held.cutover.id)}`),
        ]);
        return { environment, versions, cutover };
      },
    ),
  );
  const nowMs = Date.now();
  return renderPage(
    context,
    {
      title: secret.name,
      crumbs: [['/secrets', 'Secrets']],
      actions: (
        <Allowed to="operator">
          <a class="button secondary" href={`/secrets/${segment(name)}/edit`}>
            Edit
          </a>
        </Allowed>
      ),
      charts: true,
      children: (
        <>
          <About secret={secret} />
          {panels.length > 1 && (
            <nav class="jumps" aria-label="Environments">
              {panels.map(({ environment, cutover }) => (
                <a class="button secondary" href={`#${segment(environment)}`}>
                  {environment} <EnvironmentMark secret={secret} environment={environment} />
                  {cutover !== undefined && (
                    <Mark tone="warn">{`cutover ${cutover.percent} %`}</Mark>
                  )}
                </a>
              ))}
            </nav>
          )}
          {panels.map((panel) => (
            <EnvironmentPanel
              {...panel}
              secret={secret}
              use={use}
              span={span}
              nowMs={nowMs}
              refused={refused?.environment === panel.environment ? refused : undefined}
            />
          ))}
          <History name={secret.name} items={history.items} />
        </>
      ),
    },
    refused === undefined ? 200 : 409,
  );
}

const About: FC<{ readonly secret: SecretDetail }> = ({ secret }) => (
  <section class="panel" aria-label="About this secret">
    {secret.description !== null && <p>{secret.description}</p>}
    <dl class="summary">
      <div>
        <dt>Kind</dt>
        <dd>
          {secret.kind}, {secret.criticality}
        </dd>
      </div>
      {secret.owner !== null && (
        <div>
          <dt>Owner</dt>
          <dd>{secret.owner}</dd>
        </div>
      )}
      {Object.entries(secret.labels).map(([label, text]) => (
        <div>
          <dt>{label}</dt>
          <dd>{text}</dd>
        </div>
      ))}
      <div>
        <dt>Rotate</dt>
        <dd>
          every {secret.rotateEveryDays} days; overdue after {secret.maximumAgeDays}
        </dd>
      </div>
      <div>
        <dt>May be sent to</dt>
        <dd>{secret.allowedHosts.length === 0 ? 'any host' : secret.allowedHosts.join(', ')}</dd>
      </div>
      <div>
        <dt>Routes</dt>
        <dd>
          {secret.routes.length === 0 ? (
            <>
              none{' '}
              {secret.unnamedSince !== null && (
                <>
                  since <Moment at={secret.unnamedSince} />
                </>
              )}
            </>
          ) : (
            secret.routes.join(', ')
          )}
        </dd>
      </div>
      <div>
        <dt>Last used</dt>
        <dd>
          <Moment at={secret.lastUsedAt} />
        </dd>
      </div>
      <div>
        <dt>Created</dt>
        <dd>
          <Moment at={secret.createdAt} />
        </dd>
      </div>
    </dl>
  </section>
);

const EnvironmentMark: FC<{ readonly secret: SecretDetail; readonly environment: string }> = ({
  secret,
  environment,
}) => {
  const held = secret.environments.find((one) => one.environment === environment);
  if (held != null && held.mark !== null) {
    return <Mark tone={AGE_TONES[held.mark]}>{`v${held.currentVersion}, ${held.mark}`}</Mark>;
  }
  const isNeeded = secret.routesByEnvironment[environment] !== undefined;
  return <Mark tone={isNeeded ? 'bad' : 'quiet'}>no value</Mark>;
};

const History: FC<{ readonly name: string; readonly items: readonly AuditRowAnswer[] }> = ({
  name,
  items,
}) => (
  <section class="panel" aria-labelledby="secret_history">
    <header>
      <h2 id="secret_history">History</h2>
      <a class="small" href={withQuery('/audit', { secret: name })}>
        All of it in the audit log
      </a>
    </header>
    {items.length === 0 ? (
      <p class="quiet">Nothing that you may see: rows of others are for the role admin.</p>
    ) : (
      <AuditTable items={items} isOfOneSecret />
    )}
  </section>
);
