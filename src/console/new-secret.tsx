import type { Hono } from 'hono';
import { PROVIDERS_ENVIRONMENT } from '../core/index.js';
import { type ApiProblem, segment } from './api.js';
import type { ConsoleContext, ConsoleEnvironment } from './console-environment.js';
import { environmentNames } from './environment-names.js';
import { FieldProblems, FormProblem, wrongAt } from './field-problems.js';
import { readForm, type SentForm } from './form.js';
import { renderPage } from './layout.js';
import { refusalOf } from './problem-notice.js';
import { refuseBelow } from './refuse-below.js';
import { attributesOf, SECRET_FIELDS, SecretFields } from './secret-fields.js';
import { showSecret } from './secret-page.js';

const VALUE = 'value.';

/** `/secrets/new`: a secret, with a value for each environment that has one already. */
export function addNewSecret(app: Hono<ConsoleEnvironment>): void {
  app.get('/secrets/new', (context) => show(context));

  app.post('/secrets/new', async (context) => {
    const { api } = context.get('visitor');
    const form = await readForm(context);
    const name = form.text('name') ?? '';
    const refused = await refusalOf(() => api.post('/v1/secrets', { name, ...attributesOf(form) }));
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

async function show(
  context: ConsoleContext,
  form?: SentForm,
  problem?: ApiProblem,
): Promise<Response> {
  const title = 'New secret';
  const below = refuseBelow('operator', context, title);
  if (below !== undefined) return below;
  const environments = await environmentNames(context.get('visitor').api);
  return renderPage(
    context,
    {
      title,
      crumbs: [['/secrets', 'Secrets']],
      children: (
        <form method="post" action="/secrets/new" class="panel" autocomplete="off">
          <FormProblem problem={problem} fields={['name', ...SECRET_FIELDS]} />
          <label>
            Name
            <input
              name="name"
              required
              pattern="[a-zA-Z][a-zA-Z0-9_\-]{0,127}"
              title={'A letter, then letters, digits, "_" or "-"'}
              spellcheck={false}
              value={form?.text('name') ?? ''}
              placeholder="stripe_api_key"
              aria-describedby="name-help"
              {...wrongAt(problem, 'name')}
            />
            <FieldProblems problem={problem} path="name" />
            <small id="name-help">
              A letter, then letters, digits, "_" or "-". Routes name it as{' '}
              <code>{'<<secret:NAME>>'}</code>.
            </small>
          </label>
          <SecretFields form={form} problem={problem} />
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
