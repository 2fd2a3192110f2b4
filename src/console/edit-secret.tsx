import { isDeepStrictEqual } from 'node:util';
import type { Hono } from 'hono';
import type { SecretDetail } from '../core/index.js';
import { type ApiProblem, segment } from './api.js';
import { ChangedMeanwhile } from './changed-meanwhile.js';
import type { ConsoleContext, ConsoleEnvironment } from './console-environment.js';
import { FormProblem } from './field-problems.js';
import { formOf, readForm, type SentForm } from './form.js';
import { renderPage } from './layout.js';
import { refusalOf } from './problem-notice.js';
import { refuseBelow } from './refuse-below.js';
import { attributesOf, fieldsOf, SECRET_FIELDS, SecretFields } from './secret-fields.js';

/** `/secrets/NAME/edit`: all that is said about a secret but its name; values are versions. */
export function addEditSecret(app: Hono<ConsoleEnvironment>): void {
  app.get('/secrets/:name/edit', (context) => show(context, context.req.param('name')));

  app.post('/secrets/:name/edit', async (context) => {
    const { api } = context.get('visitor');
    const name = context.req.param('name');
    const form = await readForm(context);
    const path = `/v1/secrets/${segment(name)}`;
    const before = attributesOf(formOf(fieldsOf(await api.get<SecretDetail>(path))));
    const changes = Object.entries(attributesOf(form)).filter(
      ([field, value]) => !isDeepStrictEqual(value, before[field]),
    );
    const problem = await refusalOf(async () => {
      if (changes.length === 0) return;
      await api.patch(path, Object.fromEntries(changes), { 'If-Match': form.text('tag') ?? '' });
    });
    if (problem !== undefined) return show(context, name, form, problem);
    return context.redirect(`/secrets/${segment(name)}`, 303);
  });
}

async function show(
  context: ConsoleContext,
  name: string,
  sent?: SentForm,
  problem?: ApiProblem,
): Promise<Response> {
  const title = `Edit ${name}`;
  const refused = refuseBelow('operator', context, title);
  if (refused !== undefined) return refused;
  const { api } = context.get('visitor');
  const { body, tag } = await api.getTagged<SecretDetail>(`/v1/secrets/${segment(name)}`);
  const now = fieldsOf(body);
  const form = sent ?? formOf(now);
  const page = `/secrets/${segment(name)}`;
  return renderPage(
    context,
    {
      title,
      crumbs: [
        ['/secrets', 'Secrets'],
        [page, name],
      ],
      children: (
        <form method="post" action={`${page}/edit`} class="panel" autocomplete="off">
          <FormProblem problem={problem} fields={SECRET_FIELDS} />
          <ChangedMeanwhile problem={problem} tag={tag} now={now} form={form} />
          <SecretFields form={form} problem={problem} />
          <p class="quiet small">
            The name stays, since routes name it. Values are not changed: add a version on the page
            of the secret.
          </p>
          <div class="actions">
            <button type="submit">Save</button>
            <a class="button secondary" href={page}>
              Cancel
            </a>
          </div>
        </form>
      ),
    },
    problem === undefined ? 200 : 422,
  );
}
