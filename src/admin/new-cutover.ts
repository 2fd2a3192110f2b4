import { z } from '@hono/zod-openapi';
import { type CutoverSettings, DEFAULT_CUTOVER_SETTINGS, ON_REFUSAL } from '../core/index.js';

/** What is longer than these is a slip. */
const MOST_STEPS = 20;
const MOST_SAMPLES = 1_000_000;
const MOST_STEP_SECONDS = 7 * 86_400;
const MOST_WINDOW_MINUTES = 365 * 1440;

const names = z
  .array(z.string().min(1).max(128))
  .min(1)
  .max(1000)
  .refine((list) => new Set(list).size === list.length, 'expected each name once')
  .nullable()
  .optional();
const defaultsTo = (value: unknown): string => `By default ${JSON.stringify(value)}. `;

/** The body that starts a cutover. */
export const NewCutover = z
  .strictObject({
    toVersion: z.int().min(1).max(999_999_999),
    steps: z
      .array(z.int().min(1).max(100))
      .min(1)
      .max(MOST_STEPS)
      .refine(
        (steps) => steps.every((step, index) => step > (steps[index - 1] ?? 0)),
        'expected ascending numbers, each once',
      )
      .optional()
      .openapi({
        description: `${defaultsTo(DEFAULT_CUTOVER_SETTINGS.steps)}Shares of the requests, in percent; 100 is added at the end where it is left out`,
        example: [1, 10, 50, 100],
      }),
    stepMinSamples: z
      .int()
      .min(1)
      .max(MOST_SAMPLES)
      .optional()
      .openapi({
        description: `${defaultsTo(DEFAULT_CUTOVER_SETTINGS.stepMinSamples)}Requests accepted with the new version before a step ends`,
      }),
    stepMinSeconds: z
      .int()
      .min(0)
      .max(MOST_STEP_SECONDS)
      .optional()
      .openapi({
        description: `${defaultsTo(DEFAULT_CUTOVER_SETTINGS.stepMinSeconds)}How long a step lasts at least`,
      }),
    maxRefusalRatio: z
      .number()
      .min(0)
      .max(1)
      .optional()
      .openapi({
        description: `${defaultsTo(DEFAULT_CUTOVER_SETTINGS.maxRefusalRatio)}The share of refusals that would still be borne`,
      }),
    windowMinutes: z
      .int()
      .min(0)
      .max(MOST_WINDOW_MINUTES)
      .optional()
      .openapi({
        description: `${defaultsTo(DEFAULT_CUTOVER_SETTINGS.windowMinutes)}How long the old version stays live after the last step`,
      }),
    routes: names.openapi({
      description: 'Only requests of these routes take the new version before the last step',
    }),
    clients: names.openapi({ description: 'Likewise for clients, by name' }),
    onRefusal: z
      .enum(ON_REFUSAL)
      .optional()
      .openapi({
        description: `${defaultsTo(DEFAULT_CUTOVER_SETTINGS.onRefusal)}What follows when the new version is refused and the old one is not`,
      }),
    stickyClients: z
      .boolean()
      .optional()
      .openapi({
        description: `${defaultsTo(DEFAULT_CUTOVER_SETTINGS.stickyClients)}Whether all requests of a client take the same version at a step`,
      }),
  })
  .openapi('NewCutover');

/** What was sent over the defaults; the last step is always all requests. */
export function settingsOf(given: Omit<z.output<typeof NewCutover>, 'toVersion'>): CutoverSettings {
  const sent = Object.entries(given).filter(([, value]) => value !== undefined);
  const settings: CutoverSettings = { ...DEFAULT_CUTOVER_SETTINGS, ...Object.fromEntries(sent) };
  const { steps } = settings;
  return steps.at(-1) === 100 ? settings : { ...settings, steps: [...steps, 100] };
}
