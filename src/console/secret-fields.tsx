import type { FC } from 'hono/jsx';
import { CRITICALITIES, SECRET_KINDS, type SecretAnswer } from '../core/index.js';
import type { ApiProblem } from './api.js';
import type { SentForm } from './form.js';
import { Options } from './options.js';
import { TextField } from './text-field.js';

const MOST_DAYS = 36_500;

/** What is said about a secret: all but its name and its values. */
export const SecretFields: FC<{
  readonly form: SentForm | undefined;
  readonly problem: ApiProblem | undefined;
}> = (filled) => (
  <>
    <TextField {...filled} name="description" label="Description" rows={2} />
    <div class="tiles">
      <TextField {...filled} name="owner" label="Owner" placeholder="payments team" />
      <label>
        Kind
        <select name="kind">
          <Options of={SECRET_KINDS} chosen={filled.form?.text('kind')} />
        </select>
      </label>
      <label>
        Criticality
        <select name="criticality">
          <Options of={CRITICALITIES.toReversed()} chosen={filled.form?.text('criticality')} />
        </select>
      </label>
    </div>
    <div class="tiles">
      <TextField
        {...filled}
        name="allowedHosts"
        label="Hosts it may be sent to"
        rows={3}
        placeholder="api.stripe.com"
        hint={
          <>
            One per line, such as <code>api.stripe.com</code> or <code>*.stripe.com</code>. Routes
            to any other host are refused; a host that an applied route sends it to cannot be left
            out. Empty: whoever changes routes decides where it goes.
          </>
        }
      />
      <TextField
        {...filled}
        name="labels"
        label="Labels"
        rows={3}
        placeholder="team=payments"
        hint={
          <>
            One per line: <code>name=value</code>.
          </>
        }
      />
    </div>
    <div class="tiles">
      <TextField
        {...filled}
        name="rotateEveryDays"
        label="Rotate every, days"
        type="number"
        min={1}
        max={MOST_DAYS}
        hint="Empty: as recommended, 30 where it is critical, else 90 or 180 by its kind."
      />
      <TextField
        {...filled}
        name="maximumAgeDays"
        label="Overdue after, days"
        type="number"
        min={1}
        max={MOST_DAYS}
        hint="Empty: as soon as it is to be rotated. From three quarters of it on it is ageing."
      />
    </div>
  </>
);

export const SECRET_FIELDS = [
  'description',
  'owner',
  'allowedHosts',
  'labels',
  'rotateEveryDays',
  'maximumAgeDays',
] as const;

/** What was sent, as the API takes it. What was left empty is as it is by default. */
export function attributesOf(form: SentForm): Record<string, unknown> {
  return {
    description: form.text('description') ?? null,
    owner: form.text('owner') ?? null,
    kind: form.text('kind'),
    criticality: form.text('criticality'),
    allowedHosts: form.list('allowedHosts') ?? [],
    labels: Object.fromEntries((form.text('labels') ?? '').split('\n').flatMap(labelOf)),
    rotateEveryDays: form.amount('rotateEveryDays') ?? null,
    maximumAgeDays: form.amount('maximumAgeDays') ?? null,
  };
}

function labelOf(line: string): [name: string, value: string][] {
  const [name = '', ...value] = line.trim().split('=');
  return name === '' && value.length === 0 ? [] : [[name.trim(), value.join('=').trim()]];
}

/** The fields of a form that says the same. */
export function fieldsOf(secret: SecretAnswer): Readonly<Record<string, string>> {
  const { description, owner, kind, criticality, allowedHosts, labels, asSet } = secret;
  return {
    description: description ?? '',
    owner: owner ?? '',
    kind,
    criticality,
    allowedHosts: allowedHosts.join('\n'),
    labels: Object.entries(labels)
      .map(([name, value]) => `${name}=${value}`)
      .join('\n'),
    rotateEveryDays: String(asSet.rotateEveryDays ?? ''),
    maximumAgeDays: String(asSet.maximumAgeDays ?? ''),
  };
}
