import type { FC } from 'hono/jsx';
import { WEEKDAYS } from '../core/index.js';
import type { SentForm } from './form.js';

const EVERY_DAY = WEEKDAYS.join(', ');

/** When a rotation runs, and how long its keys live beside each other. What is rarely needed is folded away. */
export const ScheduleFields: FC<{
  readonly byExpiry: boolean;
  readonly form: SentForm | undefined;
}> = ({ byExpiry, form }) => (
  <>
    <div class="tiles">
      {!byExpiry && (
        <label>
          Every so many days
          <input
            name="intervalDays"
            type="number"
            min="1"
            max="365"
            value={form?.text('intervalDays') ?? ''}
          />
          <small>Empty: as the secret says, or what is recommended for its kind.</small>
        </label>
      )}
      <label>
        Both keys live, minutes
        <input
          name="gracePeriodMinutes"
          type="number"
          min="0"
          placeholder="2880"
          value={form?.text('gracePeriodMinutes') ?? ''}
        />
      </label>
      <label>
        Old key off before it is deleted, minutes
        <input
          name="soakMinutes"
          type="number"
          min="0"
          placeholder="1440"
          value={form?.text('soakMinutes') ?? ''}
        />
      </label>
    </div>
    <details open={form !== undefined && hasMore(form)}>
      <summary>More about when, and a check of the new key</summary>
      <div class="tiles">
        {!byExpiry && (
          <Text
            name="cron"
            label="Cron expression"
            placeholder="0 3 1 * *"
            hint="Five fields, in place of the days."
            form={form}
          />
        )}
        <Text name="timezone" label="Time zone" placeholder="UTC" form={form} />
        <Text name="windowDays" label="Runs begin on" placeholder={EVERY_DAY} form={form} />
        <Text name="windowFrom" label="from" type="time" form={form} />
        <Text name="windowUntil" label="until" type="time" form={form} />
        <Text name="jitterMinutes" label="Up to so much later, minutes" type="number" form={form} />
        <Text
          name="endpoint"
          label="Propagation check"
          placeholder="/shop/ping"
          hint="A path that is requested with the new version before any app has it, or an address."
          form={form}
        />
        <Text name="expectedStatus" label="answers" type="number" placeholder="200" form={form} />
      </div>
    </details>
  </>
);

const MORE = ['cron', 'timezone', 'windowDays', 'windowFrom', 'windowUntil', 'jitterMinutes'];

function hasMore(form: SentForm): boolean {
  return [...MORE, 'endpoint', 'expectedStatus'].some((name) => form.text(name) !== undefined);
}

const Text: FC<{
  readonly name: string;
  readonly label: string;
  readonly type?: 'text' | 'time' | 'number';
  readonly placeholder?: string;
  readonly hint?: string;
  readonly form: SentForm | undefined;
}> = ({ name, label, type = 'text', placeholder = '', hint, form }) => (
  <label>
    {label}
    <input name={name} type={type} placeholder={placeholder} value={form?.text(name) ?? ''} />
    {hint !== undefined && <small>{hint}</small>}
  </label>
);

/** What was sent, as the API takes it: what is left out stays as it is by default. */
export function settingsOf(form: SentForm): Record<string, unknown> {
  const [from, until, endpoint] = [
    form.text('windowFrom'),
    form.text('windowUntil'),
    form.text('endpoint'),
  ];
  const days = form.list('windowDays');
  const hasWindow = (from ?? until ?? days) !== undefined;
  return {
    intervalDays: form.number('intervalDays'),
    cron: form.text('cron'),
    timezone: form.text('timezone'),
    jitterMinutes: form.number('jitterMinutes'),
    gracePeriodMinutes: form.number('gracePeriodMinutes'),
    soakMinutes: form.number('soakMinutes'),
    window: hasWindow ? { days: days ?? WEEKDAYS, from, until } : undefined,
    propagationCheck:
      endpoint === undefined
        ? undefined
        : { endpoint, expectedStatus: form.number('expectedStatus') },
  };
}
