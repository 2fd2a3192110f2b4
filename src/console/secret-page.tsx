import type { Hono } from 'hono';
import type { FC } from 'hono/jsx';
import type { PageAnswer, SecretDetail, VersionAnswer } from '../core/index.js';
import { type ApiProblem, segment } from './api.js';
import type { ConsoleContext, ConsoleEnvironment } from './console-environment.js';
import { environmentNames } from './environment-names.js';
import { EnvironmentPanel } from './environment-panel.js';
import { readForm } from './form.js';
import { renderPage } from './layout.js';
import { Moment } from './moment.js';
import { refusalOf } from './problem-notice.js';

/** What was refused, and in which environment. */
interface Refused {
  readonly environment: string;
  readonly problem: ApiProblem;
}

const BASE = '/secrets/:name/environments/:environment';

/** `/secrets/NAME`: its environments, versions and consumers, and what can be done with them. */
export function addSecretPage(app: Hono<ConsoleEnvironment>): void {
  app.get('/secrets/:name', (context) => show(context, context.req.param('name')));

  app.post(`${BASE}/versions`, (context) =>
    change(context, async (path) => {
      const form = await readForm(context);
      const { api } = context.get('visitor');
      await api.post(`${path}/versions`, { value: form.exact('value'), note: form.text('note') });
    }),
  );

  for (const verb of ['activate', 'revoke'] as const) {
    app.post(`${BASE}/versions/:version/${verb}`, (context) =>
      change(context, async (path) => {
        const form = await readForm(context);
        const reason = form.text('reason');
        const force = verb === 'revoke' && reason !== undefined ? { force: true, reason } : {};
        const version = segment(context.req.param('version') ?? '');
        await context.get('visitor').api.post(`${path}/versions/${version}/${verb}`, force);
      }),
    );
  }

  app.post(`${BASE}/rollback`, (context) =>
    change(context, (path) => context.get('visitor').api.post(`${path}/rollback`)),
  );

  app.post(`${BASE}/cutovers`, async (context) => {
    const name = context.req.param('name');
    const environment = context.req.param('environment');
    const form = await readForm(context);
    const steps = form.list('steps')?.map(Number);
    const path = `/v1/secrets/${segment(name)}/environments/${segment(environment)}/cutovers`;
    const started: { id?: string } = {};
    const problem = await refusalOf(async () => {
      const answer = await context.get('visitor').api.post<{ id: string }>(path, {
        toVersion: form.number('toVersion'),
        ...(steps === undefined ? {} : { steps }),
        ...numbers(form, ['stepMinSamples', 'stepMinSeconds', 'windowMinutes']),
      });
      started.id = answer.id;
    });
    if (problem !== undefined) return show(context, name, { environment, problem });
    return context.redirect(`/cutovers/${segment(started.id ?? '')}`, 303);
  });
}

function numbers(
  form: Awaited<ReturnType<typeof readForm>>,
  names: readonly string[],
): Record<string, number> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const given = form.number(name);
      return given === undefined ? [] : [[name, given] as const];
    }),
  );
}

/** One change in an environment: then the page anew, or the page with what was refused. */
async function change(
  context: ConsoleContext,
  act: (path: string) => Promise<unknown>,
): Promise<Response> {
  const name = context.req.param('name') ?? '';
  const environment = context.req.param('environment') ?? '';
  const path = `/v1/secrets/${segment(name)}/environments/${segment(environment)}`;
  const problem = await refusalOf(() => act(path));
  if (problem !== undefined) return show(context, name, { environment, problem });
  return context.redirect(`/secrets/${segment(name)}#${segment(environment)}`, 303);
}

async function show(context: ConsoleContext, name: string, refused?: Refused): Promise<Response> {
  const { api } = context.get('visitor');
  const path = `/v1/secrets/${segment(name)}`;
  const [secret, names] = await Promise.all([api.get<SecretDetail>(path), environmentNames(api)]);
  const withVersions = new Set(secret.environments.map(({ environment }) => environment));
  const versions = await Promise.all(
    names.map(async (environment) =>
      withVersions.has(environment)
        ? (
            await api.get<PageAnswer<VersionAnswer>>(
              `${path}/environments/${segment(environment)}/versions`,
            )
          ).items
        : [],
    ),
  );
  const nowMs = Date.now();
  return renderPage(
    context,
    {
      title: secret.name,
      crumbs: [['/secrets', 'Secrets']],
      children: (
        <>
          <About secret={secret} />
          {names.map((environment, index) => (
            <EnvironmentPanel
              secret={secret}
              environment={environment}
              versions={versions[index] ?? []}
              nowMs={nowMs}
              problem={refused?.environment === environment ? refused.problem : undefined}
            />
          ))}
        </>
      ),
    },
    refused === undefined ? 200 : 409,
  );
}

const About: FC<{ readonly secret: SecretDetail }> = ({ secret }) => (
  <section class="panel" aria-label="About this secret">
    <dl class="facts">
      {secret.description !== null && (
        <>
          <dt>Description</dt>
          <dd>{secret.description}</dd>
        </>
      )}
      <dt>Kind</dt>
      <dd>
        {secret.kind}, {secret.criticality}
      </dd>
      {secret.owner !== null && (
        <>
          <dt>Owner</dt>
          <dd>{secret.owner}</dd>
        </>
      )}
      <dt>Rotate</dt>
      <dd>
        every {secret.rotateEveryDays} days; overdue after {secret.maximumAgeDays}
      </dd>
      <dt>May be sent to</dt>
      <dd>{secret.allowedHosts.length === 0 ? 'any host' : secret.allowedHosts.join(', ')}</dd>
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
      <dt>Last used</dt>
      <dd>
        <Moment at={secret.lastUsedAt} />
      </dd>
      <dt>Created</dt>
      <dd>
        <Moment at={secret.createdAt} />
      </dd>
    </dl>
  </section>
);
