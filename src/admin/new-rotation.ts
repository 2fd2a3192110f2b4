import { z } from '@hono/zod-openapi';
import {
  DEFAULT_ROTATION_SETTINGS,
  PROVIDER_IDS,
  type ProviderDescription,
  type RotationSettings,
  rotateEveryDays,
  type Secret,
  WEEKDAYS,
} from '../core/index.js';
import { givenFields } from './given-fields.js';
import { NewCutover } from './new-cutover.js';

const MOST_INTERVAL_DAYS = 365;
const MOST_MINUTES = 365 * 1440;
/** Later than a day is another day. */
const MOST_JITTER_MINUTES = 1440;
const TIME = /^(?:[01][0-9]|2[0-3]):[0-5][0-9]$/;

const time = z.string().regex(TIME, 'expected a time such as 09:00').openapi({ example: '09:00' });
const minutes = (most: number, otherwise: number) =>
  z
    .int()
    .min(0)
    .max(most)
    .optional()
    .openapi({ description: `By default ${otherwise}` });
const { gracePeriodMinutes, soakMinutes, jitterMinutes } = DEFAULT_ROTATION_SETTINGS;

const settingFields = {
  intervalDays: z.int().min(1).max(MOST_INTERVAL_DAYS).nullable().optional().openapi({
    description:
      'By default `rotateEveryDays` of the secret, or what is recommended for its kind; null with `cron`',
  }),
  cron: z.string().min(1).max(200).nullable().optional().openapi({
    description: 'Five fields, in `timezone`; in place of `intervalDays`',
    example: '0 3 1 * *',
  }),
  timezone: z
    .string()
    .min(1)
    .max(64)
    .optional()
    .openapi({ description: 'IANA name; by default UTC', example: 'Europe/Berlin' }),
  window: z
    .strictObject({
      days: z.array(z.enum(WEEKDAYS)).min(1).max(7).optional(),
      from: time,
      until: time,
    })
    .nullable()
    .optional()
    .openapi({
      description:
        'When runs may begin, in `timezone`; all days where none are named; `until` at or before `from` is the next day',
    }),
  jitterMinutes: minutes(MOST_JITTER_MINUTES, jitterMinutes).openapi({
    description: `By default ${jitterMinutes}. A scheduled run begins up to so much later`,
  }),
  gracePeriodMinutes: minutes(MOST_MINUTES, gracePeriodMinutes).openapi({
    description: `By default ${gracePeriodMinutes}. How long both versions stay live once the new one is current`,
  }),
  soakMinutes: minutes(MOST_MINUTES, soakMinutes).openapi({
    description: `By default ${soakMinutes}. How long the old key stays disabled before it is deleted`,
  }),
  propagationCheck: z
    .strictObject({
      endpoint: z.string().min(1).max(2000).openapi({ example: '/stripe/v1/balance' }),
      expectedStatus: z.int().min(100).max(599).optional().openapi({ description: 'Default 200' }),
    })
    .nullable()
    .optional()
    .openapi({
      description:
        'A path, requested with the new version before any app has it, or an address, requested without a credential once it is current',
    }),
  cutover: z
    .strictObject(NewCutover.omit({ toVersion: true, windowMinutes: true }).shape)
    .optional()
    .openapi({ description: 'What differs from the defaults; the grace period is its window' }),
  config: z.record(z.string().max(128), z.unknown()).optional().openapi({
    description:
      'As the provider wants it (`GET /v1/rotations/providers`). Its credentials are names of secrets of `_providers`',
  }),
};

/** The body that enables a rotation, or checks one before. */
export const NewRotation = z
  .strictObject({
    secret: z.string().openapi({ example: 'aws' }),
    environment: z.string().openapi({ example: 'production' }),
    provider: z.enum(PROVIDER_IDS),
    ...settingFields,
  })
  .openapi('NewRotation');

/** All but what it is of. */
export const RotationChanges = z.strictObject(settingFields).openapi('RotationChanges');

type Given = z.output<typeof RotationChanges>;
/** A provider stays. */
export type ChangedSettings = Partial<Omit<RotationSettings, 'provider'>>;

/** What was sent over the defaults; the interval is the secret's own where nothing says when. */
export function settingsOf(
  { secret: _, environment: __, provider, ...given }: z.output<typeof NewRotation>,
  secret: Pick<Secret, 'rotateEveryDays' | 'kind' | 'criticality'>,
  description: ProviderDescription,
): RotationSettings {
  const changed = changesOf(given);
  const saysWhen = changed.intervalDays != null || changed.cron != null;
  const days = rotateEveryDays(secret);
  return {
    provider,
    ...DEFAULT_ROTATION_SETTINGS,
    config: {},
    cron: null,
    ...changed,
    intervalDays:
      changed.intervalDays ??
      (saysWhen || description.byExpiry ? null : Math.min(days, MOST_INTERVAL_DAYS)),
  };
}

/** What was sent, as the store takes it. Of interval and cron, each takes the place of the other. */
export function changesOf(given: Given): ChangedSettings {
  const { window, propagationCheck, cutover, config, ...plain } = given;
  return {
    ...(plain.cron != null && { intervalDays: null }),
    ...(plain.intervalDays != null && { cron: null }),
    ...givenFields(plain),
    ...(window !== undefined && {
      window: window === null ? null : { ...window, days: window.days ?? WEEKDAYS },
    }),
    ...(propagationCheck !== undefined && {
      propagationCheck:
        propagationCheck === null
          ? null
          : { ...propagationCheck, expectedStatus: propagationCheck.expectedStatus ?? 200 },
    }),
    ...(cutover !== undefined && { cutover: cutoverOf(cutover) }),
    ...(config !== undefined && { config }),
  };
}

function cutoverOf(given: NonNullable<Given['cutover']>): RotationSettings['cutover'] {
  const { steps } = given;
  const all = steps === undefined || steps.at(-1) === 100 ? {} : { steps: [...steps, 100] };
  return { ...givenFields(given), ...all };
}
