import { isDeepStrictEqual } from 'node:util';
import type { FC } from 'hono/jsx';
import { type CutoverSettings, DEFAULT_CUTOVER_SETTINGS, ON_REFUSAL } from '../core/index.js';
import type { ApiProblem } from './api.js';
import { formOf, type SentForm } from './form.js';
import { Options } from './options.js';
import { TextField } from './text-field.js';

/** A rotation's grace period is the window of its cutovers. */
type Asked = Exclude<keyof CutoverSettings, 'windowMinutes'>;

const ON_REFUSAL_WORDS: Readonly<Record<string, string>> = {
  rollback: 'go back by itself',
  hold: 'stop there and ask a person',
};

/** What `stickyClients` makes of the requests of a client at a step. */
export const STICKY_WORDS: Readonly<Record<string, string>> = {
  false: 'each is drawn by itself',
  true: 'all take the same version',
};

/** How a new version goes live: the tiles of a form. */
export const CutoverFields: FC<{
  readonly form: SentForm;
  readonly problem: ApiProblem | undefined;
  /** What the API calls the object they are in; nothing for the body itself. */
  readonly within?: string;
}> = ({ form, problem, within }) => {
  const field = (name: string) => ({
    name,
    path: within === undefined ? name : `${within}.${name}`,
    form,
    problem,
  });
  const byDefault = DEFAULT_CUTOVER_SETTINGS;
  return (
    <>
      <TextField
        {...field('steps')}
        label="Steps, in percent"
        placeholder={byDefault.steps.join(', ')}
      />
      <TextField
        {...field('stepMinSamples')}
        label="Requests per step, at least"
        type="number"
        min={1}
        placeholder={String(byDefault.stepMinSamples)}
      />
      <TextField
        {...field('stepMinSeconds')}
        label="Seconds per step, at least"
        type="number"
        min={0}
        placeholder={String(byDefault.stepMinSeconds)}
      />
      <TextField
        {...field('maxRefusalRatio')}
        label="Share of refusals that would still be borne"
        type="number"
        min={0}
        max={1}
        step="any"
        placeholder={String(byDefault.maxRefusalRatio)}
        hint="0.01 is one request in a hundred. Only those count that the upstream refuses with the new version and accepts with the old one. Where they are clearly more, the next field says what follows."
      />
      <label>
        Where only the new version is refused
        <select name="onRefusal">
          <Options
            of={ON_REFUSAL}
            chosen={form.text('onRefusal')}
            text={(one) => ON_REFUSAL_WORDS[one] ?? one}
          />
        </select>
      </label>
      <TextField {...field('routes')} label="Routes that take it first" placeholder="all" />
      <TextField {...field('clients')} label="Clients that take it first" placeholder="all" />
      <label>
        Requests of a client, at a step
        <select name="stickyClients">
          <Options
            of={Object.keys(STICKY_WORDS)}
            chosen={form.text('stickyClients')}
            text={(one) => STICKY_WORDS[one] ?? one}
          />
        </select>
        <small>
          The same version suits apps whose requests belong together. With few clients a small step
          may then reach none of them, and wait.
        </small>
      </label>
    </>
  );
};

/** What was sent, as the API takes it; what is as by default is left out. */
export function cutoverSettingsOf(form: SentForm): Record<string, unknown> {
  const onRefusal = form.text('onRefusal');
  const given: [string, unknown][] = [
    ['steps', form.list('steps')?.map((step) => (/^\d+$/.test(step) ? Number(step) : step))],
    ['stepMinSamples', form.amount('stepMinSamples')],
    ['stepMinSeconds', form.amount('stepMinSeconds')],
    ['maxRefusalRatio', form.amount('maxRefusalRatio')],
    ['routes', form.list('routes')],
    ['clients', form.list('clients')],
    ['onRefusal', onRefusal === DEFAULT_CUTOVER_SETTINGS.onRefusal ? undefined : onRefusal],
    ['stickyClients', form.text('stickyClients') === 'true' || undefined],
  ];
  return Object.fromEntries(given.filter(([, value]) => value !== undefined));
}

/** The fields of a form that says the same. */
export function cutoverFieldsOf(
  settings: Partial<CutoverSettings>,
): Readonly<Record<Asked, string>> {
  const { steps, stepMinSamples, stepMinSeconds, maxRefusalRatio } = settings;
  const { routes, clients, onRefusal, stickyClients } = settings;
  return {
    steps: steps?.join(', ') ?? '',
    stepMinSamples: String(stepMinSamples ?? ''),
    stepMinSeconds: String(stepMinSeconds ?? ''),
    maxRefusalRatio: String(maxRefusalRatio ?? ''),
    routes: routes?.join(', ') ?? '',
    clients: clients?.join(', ') ?? '',
    onRefusal: onRefusal ?? DEFAULT_CUTOVER_SETTINGS.onRefusal,
    stickyClients: String(stickyClients ?? DEFAULT_CUTOVER_SETTINGS.stickyClients),
  };
}

/** The settings as the form changes them; undefined where it changes nothing. */
export function changedCutover(
  settings: Partial<CutoverSettings>,
  form: SentForm,
): Record<string, unknown> | undefined {
  const now = cutoverSettingsOf(form);
  const before = cutoverSettingsOf(formOf(cutoverFieldsOf(settings)));
  return isDeepStrictEqual(now, before) ? undefined : now;
}
