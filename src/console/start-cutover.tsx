import type { FC } from 'hono/jsx';
import { DEFAULT_CUTOVER_SETTINGS, type VersionAnswer } from '../core/index.js';
import { type ApiProblem, segment } from './api.js';
import { CutoverFields, cutoverFieldsOf, cutoverSettingsOf } from './cutover-fields.js';
import { formOf, type SentForm } from './form.js';
import { TextField } from './text-field.js';

/** The body of `POST …/cutovers`, as the form says it. */
export function cutoverOf(form: SentForm): Record<string, unknown> {
  return {
    toVersion: form.number('toVersion'),
    windowMinutes: form.amount('windowMinutes'),
    ...cutoverSettingsOf(form),
  };
}

interface StartCutoverProps {
  readonly secret: string;
  readonly environment: string;
  readonly versions: readonly VersionAnswer[];
  /** What was sent and refused. */
  readonly form: SentForm | undefined;
  readonly problem: ApiProblem | undefined;
}

/** Begins a cutover in an environment of a secret. */
export const StartCutover: FC<StartCutoverProps> = (props) => {
  const { secret, environment, versions, form: sent, problem } = props;
  const isSent = sent?.text('toVersion') !== undefined;
  const form = isSent
    ? sent
    : formOf({
        ...cutoverFieldsOf(DEFAULT_CUTOVER_SETTINGS),
        windowMinutes: String(DEFAULT_CUTOVER_SETTINGS.windowMinutes),
      });
  const path = `/secrets/${segment(secret)}/environments/${segment(environment)}/cutovers`;
  return (
    <details open={isSent}>
      <summary>Cut over, judged by live traffic</summary>
      <form method="post" action={path}>
        <div class="tiles">
          <label>
            To version
            <select name="toVersion">
              {versions.map(({ version, state }) => (
                <option value={version} selected={form.number('toVersion') === version}>
                  {`v${version} (${state})`}
                </option>
              ))}
            </select>
          </label>
          <TextField
            name="windowMinutes"
            label="Old version stays live, minutes"
            type="number"
            min={0}
            form={form}
            problem={problem}
          />
          <CutoverFields form={form} problem={problem} />
        </div>
        <button type="submit">Start cutover</button>
      </form>
    </details>
  );
};
