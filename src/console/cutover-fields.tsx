import { isDeepStrictEqual } from 'node:util';
import type { FC } from 'hono/jsx';
import { type CutoverSettings, DEFAULT_CUTOVER_SETTINGS, ON_REFUSAL } from '../core/index.js';
import type { ApiProblem } from './api.js';
import { formOf, type SentForm } from './form.js';
import { TextField } from './text-field.js';

const ON_REFUSAL_WORDS = {
  rollback: 'go back by itself',
  hold: 'stop there and ask a person',
} as const;

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
      <label>
        Where only the new version is refused
        <select name="onRefusal">
          {ON_REFUSAL.map((choice) => (
            <option value={choice} selected={form.text('onRefusal') === choice}>
              {ON_REFUSAL_WORDS[choice]}
            </option>
          ))}
        </select>
      </label>
      <TextField {...field('routes')} label="Routes that take it first" placeholder="all" />
      <TextField {...field('clients')} label="Clients that take it first" placeholder="all" />
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
    ['routes', form.list('routes')],
    ['clients', form.list('clients')],
    ['onRefusal', onRefusal === DEFAULT_CUTOVER_SETTINGS.onRefusal ? undefined : onRefusal],
  ];
  return Object.fromEntries(given.filter(([, value]) => value !== undefined));
}

/** The fields of a form that says the same. */
export function cutoverFieldsOf(
  settings: Partial<CutoverSettings>,
): Readonly<Record<string, string>> {
  const { steps, stepMinSamples, stepMinSeconds, routes, clients, onRefusal } = settings;
  return {
    steps: steps?.join(', ') ?? '',
    stepMinSamples: String(stepMinSamples ?? ''),
    stepMinSeconds: String(stepMinSeconds ?? ''),
    routes: routes?.join(', ') ?? '',
    clients: clients?.join(', ') ?? '',
    onRefusal: onRefusal ?? DEFAULT_CUTOVER_SETTINGS.onRefusal,
  };
}

/** The settings as the form changes them: what it does not ask stays. Undefined where it changes nothing. */
export function changedCutover(
  settings: Partial<CutoverSettings>,
  form: SentForm,
): Record<string, unknown> | undefined {
  const now = cutoverSettingsOf(form);
  const asked = cutoverFieldsOf(settings);
  if (isDeepStrictEqual(now, cutoverSettingsOf(formOf(asked)))) return undefined;
  const others = Object.entries(settings).filter(([name]) => !Object.hasOwn(asked, name));
  return { ...Object.fromEntries(others), ...now };
}
