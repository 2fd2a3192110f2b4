import { isDeepStrictEqual } from 'node:util';
import type { Hono } from 'hono';
import {
  type CheckAnswer,
  isRunEnded,
  PROVIDERS_ENVIRONMENT,
  type ProviderDescription,
  type RotationDetail,
} from '../core/index.js';
import { type ApiProblem, segment } from './api.js';
import { ChangedMeanwhile } from './changed-meanwhile.js';
import { CheckedRotation } from './checked-rotation.js';
import type { ConsoleContext, ConsoleEnvironment } from './console-environment.js';
import { changedCutover, cutoverFieldsOf } from './cutover-fields.js';
import { formOf, readForm, type SentForm } from './form.js';
import { renderPage } from './layout.js';
import { wordsOf } from './mark.js';
import { refusalOf } from './problem-notice.js';
import { refuseBelow } from './refuse-below.js';
import { providersOf, RotationFields, RotationProblem } from './rotation-fields.js';
import { changedSchedule, scheduleFieldsOf } from './schedule-fields.js';
import { configFieldsOf, configOf } from './schema-fields.js';

interface Shown {
  readonly form?: SentForm;
  readonly problem?: ApiProblem | undefined;
  readonly check?: CheckAnswer | undefined;
}

/** `/rotations/ID/edit`: all that is said of how a secret is rotated, but by whom. */
export function addEditRotation(app: Hono<ConsoleEnvironment>): void {
  app.get('/rotations/:id/edit', (context) => show(context, {}));

  app.post('/rotations/:id/edit', async (context) => {
    const { api } = context.get('visitor');
    const form = await readForm(context);
    const { rotation, provider } = await read(context);
    const changes = changesOf(rotation, form, whyConfigStays(context, rotation) ?? provider);
    const page = `/rotations/${segment(rotation.id)}`;
    const found: { check?: CheckAnswer } = {};
    const isCheck = form.isChecked('check');
    const problem = await refusalOf(async () => {
      if (isCheck) found.check = await api.post('/v1/rotations/check', changed(rotation, changes));
      else if (Object.keys(changes).length > 0) {
        await api.patch(`/v1${page}`, changes, { 'If-Match': form.text('tag') ?? '' });
      }
    });
    if (isCheck || problem !== undefined) return show(context, { form, problem, ...found });
    return context.redirect(page, 303);
  });
}

async function read(context: ConsoleContext) {
  const { api } = context.get('visitor');
  const id = segment(context.req.param('id') ?? '');
  const [{ body: rotation, tag }, providers] = await Promise.all([
    api.getTagged<RotationDetail>(`/v1/rotations/${id}`),
    providersOf(api),
  ]);
  const provider = providers.find((one) => one.id === rotation.provider);
  if (provider === undefined) throw new Error(`no provider ${rotation.provider}`);
  return { rotation, tag, provider };
}

/** Whether credentials of the provider may be hidden from the visitor. */
function isLimited(context: ConsoleContext): boolean {
  const { environments, secretPrefix } = context.get('visitor').session.admin;
  return secretPrefix !== null || environments?.includes(PROVIDERS_ENVIRONMENT) === false;
}

/** Why the provider's settings cannot be changed, in a sentence; undefined where they can. */
function whyConfigStays(context: ConsoleContext, { run }: RotationDetail): string | undefined {
  if (isLimited(context)) {
    return 'These settings may name credentials that your limits do not reach: somebody without limits has to change them.';
  }
  if (run === null || isRunEnded(run.state)) return undefined;
  return `These settings stay as they are while a run is open (${wordsOf(run.state)}): wait until it has ended, or roll it back.`;
}

/** What the form says otherwise. Of the provider's settings nothing where they stay. */
function changesOf(
  rotation: RotationDetail,
  form: SentForm,
  config: ProviderDescription | string,
): Record<string, unknown> {
  const cutover = changedCutover(rotation.cutover, form);
  return {
    ...changedSchedule(rotation, form),
    ...(cutover !== undefined && { cutover }),
    ...(typeof config !== 'string' && changedConfig(rotation, form, config.configSchema)),
  };
}

function changedConfig(
  { config: before }: RotationDetail,
  form: SentForm,
  schema: ProviderDescription['configSchema'],
): { readonly config?: Record<string, unknown> } {
  const config = configOf(schema, form);
  const same = configOf(schema, formOf(configFieldsOf(schema, before)));
  return isDeepStrictEqual(config, same) ? {} : { config };
}

/** The rotation as it would be: of interval and cron, each takes the place of the other. */
function changed(
  rotation: RotationDetail,
  changes: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const { secret, environment, provider, config, cutover, propagationCheck } = rotation;
  const { timezone, window, jitterMinutes, gracePeriodMinutes, soakMinutes } = rotation;
  return {
    secret,
    environment,
    provider,
    config,
    cutover,
    propagationCheck,
    timezone,
    window,
    jitterMinutes,
    gracePeriodMinutes,
    soakMinutes,
    intervalDays: changes.cron == null ? rotation.intervalDays : null,
    cron: changes.intervalDays == null ? rotation.cron : null,
    ...changes,
  };
}

async function show(
  context: ConsoleContext,
  { form: sent, problem, check }: Shown,
): Promise<Response> {
  const { rotation, tag, provider } = await read(context);
  const title = `Edit the rotation of ${rotation.secret} in ${rotation.environment}`;
  const refused = refuseBelow('operator', context, title);
  if (refused !== undefined) return refused;
  const { configSchema } = provider;
  const now = {
    ...scheduleFieldsOf(rotation),
    ...cutoverFieldsOf(rotation.cutover),
    ...configFieldsOf(configSchema, rotation.config),
  };
  const form = sent ?? formOf(now);
  const page = `/rotations/${segment(rotation.id)}`;
  const { intervalDays, cron } = rotation;
  const configStays = whyConfigStays(context, rotation);
  return renderPage(
    context,
    {
      title,
      crumbs: [
        ['/rotations', 'Rotations'],
        [page, `${rotation.secret} in ${rotation.environment}`],
      ],
      children: (
        <form method="post" action={`${page}/edit`} class="panel" autocomplete="off">
          <RotationProblem provider={provider} problem={problem} />
          <ChangedMeanwhile problem={problem} tag={tag} now={now} form={form} />
          {check !== undefined && <CheckedRotation found={check} />}
          <RotationFields
            provider={provider}
            byExpiry={provider.byExpiry && intervalDays === null && cron === null}
            intervalHint="Or a cron expression, below."
            form={form}
            problem={problem}
            fixed={
              configStays && (
                <>
                  <p>{configStays}</p>
                  <pre>{JSON.stringify(rotation.config, null, 2)}</pre>
                </>
              )
            }
          />
          <p class="quiet small">
            Credentials of the provider are secrets of the environment{' '}
            <code>{PROVIDERS_ENVIRONMENT}</code>, named here. The provider itself stays: to rotate
            by another one, disable this rotation and enable a new one.
          </p>
          <div class="actions">
            <button type="submit">Save</button>
            {!isLimited(context) && (
              <button type="submit" name="check" value="yes" class="secondary">
                Check only
              </button>
            )}
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
