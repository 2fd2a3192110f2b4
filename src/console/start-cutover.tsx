import type { FC } from 'hono/jsx';
import { DEFAULT_CUTOVER_SETTINGS, ON_REFUSAL, type VersionAnswer } from '../core/index.js';
import { segment } from './api.js';
import type { SentForm } from './form.js';

const ON_REFUSAL_WORDS = {
  rollback: 'go back by itself',
  hold: 'stop there and ask a person',
} as const;

/** The body of `POST …/cutovers`, as the form says it. */
export function cutoverOf(form: SentForm): Record<string, unknown> {
  const given: [string, unknown][] = [
    ['toVersion', form.number('toVersion')],
    ['steps', form.list('steps')?.map(Number)],
    ['stepMinSamples', form.number('stepMinSamples')],
    ['stepMinSeconds', form.number('stepMinSeconds')],
    ['windowMinutes', form.number('windowMinutes')],
    ['routes', form.list('routes')],
    ['clients', form.list('clients')],
    ['onRefusal', form.text('onRefusal')],
  ];
  return Object.fromEntries(given.filter(([, value]) => value !== undefined));
}

interface StartCutoverProps {
  readonly secret: string;
  readonly environment: string;
  readonly versions: readonly VersionAnswer[];
  /** What was sent and refused. */
  readonly form: SentForm | undefined;
}

/** Begins a cutover in an environment of a secret. */
export const StartCutover: FC<StartCutoverProps> = ({ secret, environment, versions, form }) => {
  const byDefault = DEFAULT_CUTOVER_SETTINGS;
  const number = (name: 'stepMinSamples' | 'stepMinSeconds' | 'windowMinutes'): number =>
    form?.number(name) ?? byDefault[name];
  const isOpen = form?.text('toVersion') !== undefined;
  const path = `/secrets/${segment(secret)}/environments/${segment(environment)}/cutovers`;
  return (
    <details open={isOpen}>
      <summary>Cut over, judged by live traffic</summary>
      <form method="post" action={path}>
        <div class="tiles">
          <label>
            To version
            <select name="toVersion">
              {versions.map(({ version, state }) => (
                <option value={version} selected={form?.number('toVersion') === version}>
                  {`v${version} (${state})`}
                </option>
              ))}
            </select>
          </label>
          <label>
            Steps, in percent
            <input
              name="steps"
              value={(form?.list('steps') ?? byDefault.steps).join(', ')}
              pattern="[0-9, ]+"
            />
          </label>
          <label>
            Requests per step, at least
            <input name="stepMinSamples" type="number" min="1" value={number('stepMinSamples')} />
          </label>
          <label>
            Seconds per step, at least
            <input name="stepMinSeconds" type="number" min="0" value={number('stepMinSeconds')} />
          </label>
          <label>
            Old version stays live, minutes
            <input name="windowMinutes" type="number" min="0" value={number('windowMinutes')} />
          </label>
          <label>
            Where only the new version is refused
            <select name="onRefusal">
              {ON_REFUSAL.map((choice) => (
                <option value={choice} selected={form?.text('onRefusal') === choice}>
                  {ON_REFUSAL_WORDS[choice]}
                </option>
              ))}
            </select>
          </label>
          <label>
            Routes that take it first
            <input name="routes" placeholder="all" value={form?.list('routes')?.join(', ') ?? ''} />
          </label>
          <label>
            Clients that take it first
            <input
              name="clients"
              placeholder="all"
              value={form?.list('clients')?.join(', ') ?? ''}
            />
          </label>
        </div>
        <button type="submit">Start cutover</button>
      </form>
    </details>
  );
};
