import type { Hono } from 'hono';
import type { FC } from 'hono/jsx';
import type {
  CheckAnswer,
  PageAnswer,
  ProviderDescription,
  RotationDetail,
  SecretAnswer,
} from '../core/index.js';
import { type ApiProblem, segment, withQuery } from './api.js';
import { CheckedRotation } from './checked-rotation.js';
import type { ConsoleContext, ConsoleEnvironment } from './console-environment.js';
import { cutoverSettingsOf } from './cutover-fields.js';
import { environmentNames } from './environment-names.js';
import { readForm, type SentForm } from './form.js';
import { renderPage } from './layout.js';
import { refusalOf } from './problem-notice.js';
import { refuseBelow } from './refuse-below.js';
import { providersOf, RotationFields, RotationProblem } from './rotation-fields.js';
import { settingsOf } from './schedule-fields.js';
import { configOf } from './schema-fields.js';

interface Shown {
  readonly form?: SentForm;
  readonly problem?: ApiProblem | undefined;
  readonly check?: CheckAnswer | undefined;
}

/** `/rotations/new`: first the provider, then a form of its own. */
export function addEnableRotation(app: Hono<ConsoleEnvironment>): void {
  app.get('/rotations/new', (context) => show(context, context.req.query('provider')));

  app.post('/rotations/new', async (context) => {
    const { api } = context.get('visitor');
    const form = await readForm(context);
    const provider = (await providersOf(api)).find(({ id }) => id === form.text('provider'));
    if (provider === undefined) return show(context, undefined);
    const body = {
      secret: form.text('secret') ?? '',
      environment: form.text('environment') ?? '',
      provider: provider.id,
      ...settingsOf(form),
      cutover: cutoverSettingsOf(form),
      config: configOf(provider.configSchema, form),
    };
    const isCheck = form.isChecked('check');
    const found: { made?: RotationDetail; check?: CheckAnswer } = {};
    const problem = await refusalOf(async () => {
      if (isCheck) found.check = await api.post<CheckAnswer>('/v1/rotations/check', body);
      else found.made = await api.post<RotationDetail>('/v1/rotations', body);
    });
    const { made, check } = found;
    if (made === undefined) return show(context, provider.id, { form, problem, check });
    return context.redirect(`/rotations/${segment(made.id)}`, 303);
  });
}

async function show(
  context: ConsoleContext,
  chosen: string | undefined,
  { form, problem, check }: Shown = {},
): Promise<Response> {
  const refused = refuseBelow('operator', context, 'Enable a rotation');
  if (refused !== undefined) return refused;
  const { api } = context.get('visitor');
  const providers = await providersOf(api);
  const provider = providers.find(({ id }) => id === chosen);
  // As the page of a secret asks for it.
  const { secret = '', environment = '' } = context.req.query();
  const place = { secret, environment };
  if (provider === undefined) {
    return renderPage(context, {
      title: 'Enable a rotation',
      crumbs: [['/rotations', 'Rotations']],
      children: <Providers items={providers} place={place} />,
    });
  }
  const [secrets, environments] = await Promise.all([
    api.get<PageAnswer<SecretAnswer>>('/v1/secrets', { limit: 1000 }),
    environmentNames(api),
  ]);
  return renderPage(
    context,
    {
      title: `Enable a rotation by ${provider.title}`,
      crumbs: [
        ['/rotations', 'Rotations'],
        ['/rotations/new', 'Providers'],
      ],
      children: (
        <form method="post" action="/rotations/new" class="panel" autocomplete="off">
          <RotationProblem provider={provider} problem={problem} />
          {check !== undefined && <CheckedRotation found={check} />}
          <p>{provider.summary}</p>
          <input type="hidden" name="provider" value={provider.id} />
          <div class="tiles">
            <label>
              Secret
              <input
                name="secret"
                list="secrets"
                required
                value={form?.text('secret') ?? place.secret}
              />
              <datalist id="secrets">
                {secrets.items.map(({ name }) => (
                  <option value={name} />
                ))}
              </datalist>
            </label>
            <label>
              Environment
              <select name="environment">
                {environments.map((name) => (
                  <option
                    value={name}
                    selected={(form?.text('environment') ?? place.environment) === name}
                  >
                    {name}
                  </option>
                ))}
              </select>
            </label>
          </div>
          <RotationFields
            provider={provider}
            byExpiry={provider.byExpiry}
            intervalHint="Empty: as the secret says, or what is recommended for its kind."
            form={form}
            problem={problem}
          />
          <p class="quiet small">
            Enabling rotates nothing. Credentials of the provider are secrets of the environment{' '}
            <code>_providers</code>.
          </p>
          <div class="actions">
            <button type="submit">Enable</button>
            <button type="submit" name="check" value="yes" class="secondary">
              Check only
            </button>
          </div>
        </form>
      ),
    },
    problem === undefined ? 200 : 422,
  );
}

const Providers: FC<{
  readonly items: readonly ProviderDescription[];
  readonly place: { readonly secret: string; readonly environment: string };
}> = ({ items, place }) => (
  <div class="tiles">
    {items.map(({ id, title, summary }) => (
      <section class="panel">
        <h2>
          <a href={withQuery('/rotations/new', { provider: id, ...place })}>{title}</a>
        </h2>
        <p>{summary}</p>
      </section>
    ))}
  </div>
);
