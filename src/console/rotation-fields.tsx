import type { Child, FC } from 'hono/jsx';
import type { ProviderDescription } from '../core/index.js';
import type { Api, ApiProblem } from './api.js';
import { CutoverFields, cutoverSettingsOf } from './cutover-fields.js';
import { FormProblem } from './field-problems.js';
import { formOf, type SentForm } from './form.js';
import { SCHEDULE_PATHS, ScheduleFields } from './schedule-fields.js';
import { configPathsOf, SchemaFields } from './schema-fields.js';

export async function providersOf(api: Api): Promise<readonly ProviderDescription[]> {
  const path = '/v1/rotations/providers';
  const { items } = await api.get<{ readonly items: readonly ProviderDescription[] }>(path);
  return items;
}

/** What was refused, above the fields: in full where none of them says it. */
export const RotationProblem: FC<{
  readonly provider: ProviderDescription;
  readonly problem: ApiProblem | undefined;
}> = ({ provider, problem }) => (
  <FormProblem
    problem={problem}
    fields={[...SCHEDULE_PATHS, 'cutover', ...configPathsOf(provider.configSchema)]}
  />
);

/** How a secret is rotated: when, how its new keys go live, and what the provider is told. */
export const RotationFields: FC<{
  readonly provider: ProviderDescription;
  readonly byExpiry: boolean;
  readonly intervalHint: string;
  readonly form: SentForm | undefined;
  readonly problem: ApiProblem | undefined;
  /** In place of the fields of the provider's settings, where those cannot be changed. */
  readonly fixed?: Child | undefined;
}> = ({ provider, byExpiry, intervalHint, form, problem, fixed }) => (
  <>
    <ScheduleFields byExpiry={byExpiry} intervalHint={intervalHint} form={form} problem={problem} />
    <details open={form !== undefined && Object.keys(cutoverSettingsOf(form)).length > 0}>
      <summary>How a new key goes live</summary>
      <div class="tiles">
        <CutoverFields form={form ?? formOf({})} problem={problem} within="cutover" />
      </div>
    </details>
    <fieldset>
      <legend>{provider.title}</legend>
      {fixed ?? <SchemaFields schema={provider.configSchema} form={form} problem={problem} />}
    </fieldset>
  </>
);
