import type { Hono } from 'hono';
import { CRITICALITIES, PROVIDERS_ENVIRONMENT, SECRET_KINDS } from '../core/index.js';
import { type ApiProblem, segment } from './api.js';
import type { ConsoleContext, ConsoleEnvironment } from './console-environment.js';
import { environmentNames } from './environment-names.js';
import { readForm, type SentForm } from './form.js';
import { renderPage } from './layout.js';
import { Options } from './options.js';
import { ProblemNotice, refusalOf } from './problem-notice.js';
import { showSecret } from './secret-page.js';

const VALUE = 'value.';

/** `/secrets/new`: a secret, with a value for each environment that has one already. */
export function addNewSecret(app: Hono<ConsoleEnvironment>): void {
  app.get('/secrets/new', (context) => show(context));

  app.post('/secrets/new', async (context) => {
    const { api } = context.get('visitor');
    const form = await readForm(context);
    const name = form.text('name') ?? '';
    const refused = await refusalOf(() => api.post('/v1/secrets', attributesOf(form, name)));
    if (refused !== undefined) return show(context, form, refused);
    for (const environment of [...(await environmentNames(api)), PROVIDERS_ENVIRONMENT]) {
      const value = form.exact(VALUE + environment);
      if (value === undefined) continue;
      const path = `/v1/secrets/${segment(name)}/environments/${segment(environment)}/versions`;
      const problem = await refusalOf(() => api.post(path, { value }));
      // The secret is there: what is missing is given on its own page.
      if (problem !== undefined) return showSecret(context, name, { environment, problem });
    }
    return context.redirect(`/secrets/${segment(name)}`, 303);
  });
}

function attributesOf(form: SentForm, name: string): Record<string, unknown> {
  return {
    name,
    description: form.text('description') ?? null,
    owner: form.text('owner') ?? null,
    kind: form.text('kind') ?? 'api_key',
    criticality: form.text('criticality') ?? 'standard',
    allowedHosts: form.list('allowedHosts') ?? [],
  };
}

async function show(
  context: ConsoleContext,
  form?: SentForm,
  problem?: ApiProblem,
): Promise<Response> {
  const environments = await environmentNames(context.get('visitor').api);
  return renderPage(
    context,
    {
      title: 'New secret',
      crumbs: [['/secrets', 'Secrets']],
      children: (
        <form method="post" action="/secrets/new" class="panel" autocomplete="off">
          <ProblemNotice problem={problem} />
          <label>
            Name
            <input
              name="name"
              required
              pattern="[a-zA-Z][a-zA-Z0-9_\-]{0,127}"
              spellcheck={false}
              value={form?.text('name') ?? ''}
              placeholder="stripe_api_key"
              aria-describedby="name-help"
            />
            <small id="name-help">
              A letter, then letters, digits, "_" or "-". Routes name it as{' '}
              <code>{'<<secret:NAME>>'}</code>.
            </small>
          </label>
          <div class="tiles">
            <label>
              Kind
              <select name="kind">
                <Options of={SECRET_KINDS} chosen={form?.text('kind')} />
              </select>
            </label>
            <label>
              Criticality
              <select name="criticality">
                <Options of={CRITICALITIES.toReversed()} chosen={form?.text('criticality')} />
              </select>
            </label>
            <label>
              Owner
              <input name="owner" value={form?.text('owner') ?? ''} placeholder="payments team" />
            </label>
          </div>
          <label>
            Description
            <input name="description" value={form?.text('description') ?? ''} />
          </label>
          <label>
            Hosts it may be sent to
            <input
              name="allowedHosts"
              value={form?.list('allowedHosts')?.join(', ') ?? ''}
              placeholder="api.stripe.com"
            />
            <small>Separated by commas. Empty: any host that a route names.</small>
          </label>
          <fieldset>
            <legend>Values</legend>
            <p class="quiet small">
              One per environment; leave out what you do not have yet. A value never comes out
              again.
            </p>
            <div class="tiles">
              {environments.map((name) => (
                <label>
                  {name}
                  <input type="password" name={VALUE + name} autocomplete="off" />
                </label>
              ))}
            </div>
            <details>
              <summary>It is a credential for a rotation's provider or a channel</summary>
              <label>
                {PROVIDERS_ENVIRONMENT}
                <input
                  type="password"
                  name={VALUE + PROVIDERS_ENVIRONMENT}
                  autocomplete="off"
                  aria-describedby="providers-help"
                />
                <small id="providers-help">
                  No route and no client can name this environment: Keyferry alone uses what is in
                  it.
                </small>
              </label>
            </details>
          </fieldset>
          <button type="submit">Create secret</button>
        </form>
      ),
    },
    problem === undefined ? 200 : 422,
  );
}
