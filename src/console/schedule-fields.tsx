import { isDeepStrictEqual } from 'node:util';
import type { FC } from 'hono/jsx';
import { DEFAULT_ROTATION_SETTINGS, type RotationAnswer, WEEKDAYS } from '../core/index.js';
import type { ApiProblem } from './api.js';
import { formOf, type SentForm } from './form.js';
import { TextField } from './text-field.js';

const EVERY_DAY = WEEKDAYS.join(', ');
const { gracePeriodMinutes, soakMinutes } = DEFAULT_ROTATION_SETTINGS;

/** What the API calls what is asked here. */
export const SCHEDULE_PATHS = [
  'intervalDays',
  'cron',
  'timezone',
  'window',
  'jitterMinutes',
  'gracePeriodMinutes',
  'soakMinutes',
  'propagationCheck',
] as const;

/** When a rotation runs, and how long its keys live beside each other. What is rarely needed is folded away. */
export const ScheduleFields: FC<{
  readonly byExpiry: boolean;
  /** What an empty interval means. */
  readonly intervalHint: string;
  readonly form: SentForm | undefined;
  readonly problem: ApiProblem | undefined;
}> = ({ byExpiry, intervalHint, ...filled }) => (
  <>
    <div class="tiles">
      {!byExpiry && (
        <TextField
          {...filled}
          name="intervalDays"
          label="Every so many days"
          type="number"
          min={1}
          max={365}
          hint={intervalHint}
        />
      )}
      <TextField
        {...filled}
        name="gracePeriodMinutes"
        label="Both keys live, minutes"
        type="number"
        min={0}
        placeholder={String(gracePeriodMinutes)}
      />
      <TextField
        {...filled}
        name="soakMinutes"
        label="Old key off before it is deleted, minutes"
        type="number"
        min={0}
        placeholder={String(soakMinutes)}
      />
    </div>
    <details open={filled.form !== undefined && hasMore(filled.form)}>
      <summary>More about when, and a check of the new key</summary>
      <div class="tiles">
        {!byExpiry && (
          <TextField
            {...filled}
            name="cron"
            label="Cron expression"
            placeholder="0 3 1 * *"
            hint="Five fields, in place of the days."
          />
        )}
        <TextField {...filled} name="timezone" label="Time zone" placeholder="UTC" />
        <TextField
          {...filled}
          name="windowDays"
          path="window.days"
          label="Runs begin on"
          placeholder={EVERY_DAY}
        />
        <TextField
          {...filled}
          name="windowFrom"
          path="window.from"
          label="Runs begin from"
          type="time"
        />
        <TextField
          {...filled}
          name="windowUntil"
          path="window.until"
          label="Runs begin until"
          type="time"
        />
        <TextField
          {...filled}
          name="jitterMinutes"
          label="Up to so much later, minutes"
          type="number"
          min={0}
        />
        <TextField
          {...filled}
          name="endpoint"
          path="propagationCheck.endpoint"
          label="Propagation check"
          placeholder="/shop/ping"
          hint="A path that is requested with the new version before any app has it, or an address."
        />
        <TextField
          {...filled}
          name="expectedStatus"
          path="propagationCheck.expectedStatus"
          label="The check expects status"
          type="number"
          placeholder="200"
        />
      </div>
    </details>
  </>
);

const MORE = ['cron', 'timezone', 'windowDays', 'windowFrom', 'windowUntil', 'jitterMinutes'];

function hasMore(form: SentForm): boolean {
  return [...MORE, 'endpoint', 'expectedStatus'].some((name) => form.text(name) !== undefined);
}

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
    intervalDays: form.amount('intervalDays'),
    cron: form.text('cron'),
    timezone: form.text('timezone'),
    jitterMinutes: form.amount('jitterMinutes'),
    gracePeriodMinutes: form.amount('gracePeriodMinutes'),
    soakMinutes: form.amount('soakMinutes'),
    window: hasWindow ? { days: days ?? WEEKDAYS, from, until } : undefined,
    propagationCheck:
      endpoint === undefined
        ? undefined
        : { endpoint, expectedStatus: form.amount('expectedStatus') },
  };
}

/** The fields of a form that says the same. */
export function scheduleFieldsOf(rotation: RotationAnswer): Readonly<Record<string, string>> {
  const { intervalDays, cron, timezone, window, jitterMinutes, propagationCheck } = rotation;
  return {
    intervalDays: String(intervalDays ?? ''),
    cron: cron ?? '',
    timezone,
    windowDays: window?.days.join(', ') ?? '',
    windowFrom: window?.from ?? '',
    windowUntil: window?.until ?? '',
    jitterMinutes: String(jitterMinutes),
    gracePeriodMinutes: String(rotation.gracePeriodMinutes),
    soakMinutes: String(rotation.soakMinutes),
    endpoint: propagationCheck?.endpoint ?? '',
    expectedStatus: String(propagationCheck?.expectedStatus ?? ''),
  };
}

/** What the form would change: what was emptied goes back to how it is by default. */
export function changedSchedule(rotation: RotationAnswer, form: SentForm): Record<string, unknown> {
  const before = settingsOf(formOf(scheduleFieldsOf(rotation)));
  const byDefault: Readonly<Record<string, unknown>> = DEFAULT_ROTATION_SETTINGS;
  return Object.fromEntries(
    Object.entries(settingsOf(form))
      .filter(([name, value]) => !isDeepStrictEqual(value, before[name]))
      .map(([name, value]) => [name, value ?? byDefault[name] ?? null]),
  );
}
