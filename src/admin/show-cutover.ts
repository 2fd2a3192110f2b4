import { z } from '@hono/zod-openapi';
import {
  CUTOVER_HOLDS,
  CUTOVER_SIDES,
  CUTOVER_STATES,
  type Cutover,
  type CutoverCounts,
  type CutoverEvidence,
  type CutoverObservation,
  NO_COUNTS,
  ON_REFUSAL,
} from '../core/index.js';
import { HOLDS } from './describe-hold.js';
import { stepFigures } from './step-figures.js';
import { waitsFor } from './waits-for.js';
import { Timestamp, toTimestamp, toTimestampOrNull } from './wire-time.js';

const counts = {
  accepted: z.int(),
  refused: z.int().openapi({ description: 'All refusals, those of pairs among them' }),
  failed: z.int().openapi({ description: '5xx, no response, or a broken one' }),
  pairedRefusals: z
    .int()
    .openapi({ description: 'Refused with this version, accepted with the other one' }),
  sharedRefusals: z.int().openapi({ description: 'Refused with both versions' }),
};
const CountsSchema = z
  .strictObject(counts)
  .openapi('CutoverCounts', { description: 'What came of the attempts with one version' });

const probability = z.number().nullable().openapi({
  description:
    'How likely as many paired refusals were, if the new version were refused no more than `maxRefusalRatio`',
});
const percent = z.number().openapi({ description: 'Share of the requests that take the new one' });

const CutoverSchemaFields = {
  id: z.string(),
  secret: z.string().openapi({ example: 'stripe_api_key' }),
  environment: z.string().openapi({ example: 'production' }),
  fromVersion: z.int().openapi({ description: 'Was current when it began' }),
  toVersion: z.int().nullable().openapi({ description: 'null where `toSecret` is set' }),
  toSecret: z.string().nullable().openapi({ description: 'The secret that takes its place' }),
  state: z.enum(CUTOVER_STATES),
  step: z.int().openapi({ description: 'Place in `settings.steps`, from 0' }),
  percent,
  settings: z
    .strictObject({
      steps: z.array(z.int()).openapi({ example: [10, 100] }),
      stepMinSamples: z.int(),
      stepMinSeconds: z.int(),
      maxRefusalRatio: z.number(),
      windowMinutes: z.int(),
      routes: z.array(z.string()).nullable(),
      clients: z.array(z.string()).nullable(),
      onRefusal: z.enum(ON_REFUSAL),
      stickyClients: z.boolean(),
    })
    .openapi('CutoverSettings'),
  paused: z.boolean(),
  hold: z
    .strictObject({ reason: z.enum(CUTOVER_HOLDS), explanation: z.string(), whatToDo: z.string() })
    .nullable()
    .openapi({ description: 'Why it does not go on by itself' }),
  startedAt: Timestamp,
  startedBy: z.string(),
  stepStartedAt: Timestamp,
  currentSince: Timestamp.nullable(),
  windowEndsAt: Timestamp.nullable().openapi({ description: 'The old version is live until then' }),
  endedAt: Timestamp.nullable(),
  reason: z.string().nullable().openapi({ description: 'Why it ended' }),
  endedByItself: z.boolean(),
  evidence: z
    .strictObject({
      step: z.int(),
      since: Timestamp.nullable().openapi({ description: 'null = since the step began' }),
      route: z.string().nullable().openapi({ description: 'null = all that take part' }),
      old: CountsSchema,
      new: CountsSchema,
      probes: z.int(),
      clients: z.int(),
      probability,
      probabilityWithoutClient: probability,
    })
    .nullable()
    .openapi({ description: 'The figures of the newest decision' }),
};

/** A cutover as lists show it. */
export const CutoverSchema = z.strictObject(CutoverSchemaFields).openapi('Cutover');

const figuresFields = {
  waitsFor: z.array(z.string()).openapi({ example: ['12 of 50 samples'] }),
  figures: z
    .array(
      z.strictObject({
        step: z.int(),
        percent,
        old: CountsSchema,
        new: CountsSchema,
        probes: z.int().openapi({ description: 'Of those accepted with the new version' }),
        clients: z.int().openapi({ description: 'Whose requests took the new version' }),
      }),
    )
    .openapi({ description: 'Per step that saw a request' }),
};

/** A cutover as its events show it. */
export const CutoverWithFiguresSchema = z
  .strictObject({ ...CutoverSchemaFields, ...figuresFields })
  .openapi('CutoverWithFigures');

/** A cutover by itself. */
export const CutoverDetailSchema = z
  .strictObject({
    ...CutoverSchemaFields,
    ...figuresFields,
    observations: z
      .array(
        z.strictObject({
          step: z.int(),
          percent,
          side: z.enum(CUTOVER_SIDES),
          version: z.int().nullable(),
          route: z.string(),
          client: z.string().openapi({ description: '`probe` where Keyferry itself asked' }),
          ...counts,
        }),
      )
      .openapi({ description: 'Per step, version, route and client' }),
  })
  .openapi('CutoverDetail');

/** Share of the requests that take the new version, in percent. */
export function percentOf({ state, step, settings }: Cutover): number {
  if (state === 'CURRENT' || state === 'COMPLETED') return 100;
  return state === 'CANARY' ? (settings.steps[step] ?? 100) : 0;
}

export function showCutover(cutover: Cutover): z.input<typeof CutoverSchema> {
  const { settings, hold } = cutover;
  return {
    id: cutover.id,
    secret: cutover.secret,
    environment: cutover.environment,
    fromVersion: cutover.fromVersion,
    toVersion: cutover.toVersion,
    toSecret: cutover.toSecret,
    state: cutover.state,
    step: cutover.step,
    percent: percentOf(cutover),
    settings: {
      ...settings,
      steps: [...settings.steps],
      routes: settings.routes === null ? null : [...settings.routes],
      clients: settings.clients === null ? null : [...settings.clients],
    },
    paused: cutover.paused,
    hold: hold === null ? null : { reason: hold, ...HOLDS[hold] },
    startedAt: toTimestamp(cutover.startedAtMs),
    startedBy: cutover.startedBy,
    stepStartedAt: toTimestamp(cutover.stepStartedAtMs),
    currentSince: toTimestampOrNull(cutover.currentSinceMs),
    windowEndsAt: toTimestampOrNull(cutover.windowEndsAtMs),
    endedAt: toTimestampOrNull(cutover.endedAtMs),
    reason: cutover.reason,
    endedByItself: cutover.endedByItself,
    evidence: cutover.evidence === null ? null : showEvidence(cutover.evidence),
  };
}

function showEvidence({ sinceMs, ...evidence }: CutoverEvidence) {
  return {
    ...evidence,
    since: toTimestampOrNull(sinceMs),
    old: showCounts(evidence.old),
    new: showCounts(evidence.new),
  };
}

/** With the figures of its steps, and what it waits for at `nowMs`. */
export function showWithFigures(
  cutover: Cutover,
  observations: readonly CutoverObservation[],
  nowMs: number,
): z.input<typeof CutoverWithFiguresSchema> {
  const figures = stepFigures(observations);
  const { steps } = cutover.settings;
  return {
    ...showCutover(cutover),
    waitsFor: waitsFor(cutover, figures, nowMs),
    figures: figures.map((row) => ({ ...row, percent: steps[row.step] ?? 100 })),
  };
}

/** With the figures of each route and client too. */
export function showDetail(
  cutover: Cutover,
  observations: readonly CutoverObservation[],
  nowMs: number,
): z.input<typeof CutoverDetailSchema> {
  const { steps } = cutover.settings;
  return {
    ...showWithFigures(cutover, observations, nowMs),
    observations: observations.map((row) => ({
      step: row.step,
      percent: steps[row.step] ?? 100,
      side: row.side,
      version: row.side === 'old' ? cutover.fromVersion : cutover.toVersion,
      route: row.route,
      client: row.client,
      ...showCounts(row),
    })),
  };
}

function showCounts(row: CutoverCounts): CutoverCounts {
  const { accepted, refused, failed, pairedRefusals, sharedRefusals } = row;
  return { ...NO_COUNTS, accepted, refused, failed, pairedRefusals, sharedRefusals };
}
