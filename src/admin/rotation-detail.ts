import type { z } from '@hono/zod-openapi';
import type { Admin, ProviderDescription, Rotation, RotationControl } from '../core/index.js';
import type { AdminDependencies } from './dependencies.js';
import { visibleConfig } from './provider-secrets.js';
import { showWithFigures } from './show-cutover.js';
import {
  type RotationDetailSchema,
  type RotationSchema,
  showRotation,
  showRotationDetail,
} from './show-rotation.js';

/** How many runs ahead are shown. */
const RUNS_AHEAD = 5;

type Dependencies = Pick<AdminDependencies, 'store' | 'clock' | 'rotations'>;

/** A rotation as lists show it to the admin. */
export function rotationFor(
  { clock, rotations }: Dependencies,
  admin: Admin,
  rotation: Rotation,
): z.input<typeof RotationSchema> {
  return showRotation(rotation, configFor(rotations, admin, rotation), clock.now());
}

/** A rotation with all that is known of it, as the admin may see it. */
export async function rotationDetailFor(
  dependencies: Dependencies,
  admin: Admin,
  rotation: Rotation,
): Promise<z.input<typeof RotationDetailSchema>> {
  return (await lookAtRotation(dependencies, rotation))(admin);
}

/** The same for several admins. */
export async function lookAtRotation(
  { store, clock, rotations }: Dependencies,
  rotation: Rotation,
): Promise<(admin: Admin) => z.input<typeof RotationDetailSchema>> {
  const { secret, environment, run } = rotation;
  const nowMs = clock.now();
  const cutover = run?.cutoverId == null ? undefined : await store.getCutover(run.cutoverId);
  const facts = {
    events: run === null ? [] : await store.runEvents(run.id),
    cutover:
      cutover === undefined
        ? null
        : showWithFigures(cutover, await store.observationsOf(cutover.id), nowMs),
    keys: await store.providerKeys(secret, environment),
    nextRunsAtMs: nextRunsOf(rotations, rotation),
  };
  return (admin) =>
    showRotationDetail(
      rotation,
      { ...facts, config: configFor(rotations, admin, rotation) },
      nowMs,
    );
}

/** The planned one and those that would follow it. */
function nextRunsOf(rotations: RotationControl, rotation: Rotation): number[] {
  const found: number[] = [];
  // Jitter is drawn when a run is planned: what comes later has none yet.
  const schedule = { ...rotation, jitterMinutes: 0 };
  let next = rotation.nextRunAtMs;
  while (next !== null && found.length < RUNS_AHEAD) {
    found.push(next);
    next = rotations.nextRunAtMs(schedule, next);
  }
  return found;
}

function configFor(rotations: RotationControl, admin: Admin, { provider, config }: Rotation) {
  const schema = findProvider(rotations, provider)?.configSchema ?? {};
  return visibleConfig(admin, schema, config);
}

/** What the provider is; undefined where this release has none of that name. */
export function findProvider(
  rotations: RotationControl,
  id: ProviderDescription['id'],
): ProviderDescription | undefined {
  return rotations.providers().find((provider) => provider.id === id);
}
