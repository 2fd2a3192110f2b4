import type { z } from '@hono/zod-openapi';
import {
  type Admin,
  isRunEnded,
  type Rotation,
  type RotationSettings,
  replaceBeforeEndMs,
} from '../core/index.js';
import { findUnknownPartakers } from './check-cutover.js';
import type { AdminDependencies } from './dependencies.js';
import { findSecret } from './find-secret.js';
import { invalidRequest } from './invalid-request.js';
import { type NewRotation, settingsOf } from './new-rotation.js';
import { findMissingCredentials } from './provider-secrets.js';
import { findProvider } from './rotation-detail.js';
import { requireEnvironment } from './scope.js';

/** The settings that a body gives, checked. Throws `invalid_request` with every problem, `forbidden`, `not_found`. */
export async function checkedSettings(
  dependencies: AdminDependencies,
  admin: Admin,
  body: z.output<typeof NewRotation>,
): Promise<RotationSettings> {
  const { store, rotations } = dependencies;
  const { secret: name, environment, provider } = body;
  requireEnvironment(admin, environment);
  const secret = await findSecret(store, admin, name);
  // Says so, with the nearest spelling, where it is not declared.
  await store.listVersions(name, environment);
  const description = findProvider(rotations, provider);
  if (description === undefined) {
    throw invalidRequest([{ path: 'provider', message: 'there is no such provider here' }]);
  }
  const settings = settingsOf(body, secret, description);
  const whole = { secret: name, environment, ...settings };
  await requireSound(dependencies, admin, whole, { config: true, cutover: true });
  return settings;
}

/** Throws `invalid_request` with every problem, those of what was `changed` against the store too; `forbidden`. */
export async function requireSound(
  { store, rotations }: AdminDependencies,
  admin: Admin,
  rotation: Pick<Rotation, 'secret' | 'environment'> & RotationSettings,
  changed: { readonly config: boolean; readonly cutover: boolean },
): Promise<void> {
  const { provider, config, secret, environment, cutover } = rotation;
  const problems = [...rotations.problemsOf(rotation)];
  if (changed.config) {
    const schema = findProvider(rotations, provider)?.configSchema ?? {};
    problems.push(...(await findMissingCredentials(store, admin, schema, config)));
  }
  if (changed.cutover) {
    const { routes = null, clients = null } = cutover;
    const unknown = await findUnknownPartakers(store, admin, {
      secret,
      environment,
      routes,
      clients,
    });
    problems.push(...unknown.map((problem) => ({ ...problem, path: `cutover.${problem.path}` })));
  }
  if (problems.length > 0) throw invalidRequest(problems);
}

/**
 * When it would run first: counted from when the current version was made, but never in the past; and before it expires.
 * Null where that goes by the provider, whose values expire by themselves: the engine plans it.
 */
export async function planFrom(
  { store, clock, rotations }: AdminDependencies,
  rotation: Pick<Rotation, 'secret' | 'environment'> & RotationSettings,
): Promise<number | null> {
  const versions = await store.listVersions(rotation.secret, rotation.environment);
  const current = versions.find(({ state }) => state === 'current');
  const expiresByItself = findProvider(rotations, rotation.provider)?.byExpiry === true;
  if (expiresByItself && current !== undefined && current.expiresAtMs !== null) return null;
  const nowMs = clock.now();
  const byAge = current === undefined ? null : rotations.nextRunAtMs(rotation, current.createdAtMs);
  const planned = byAge !== null && byAge > nowMs ? byAge : rotations.nextRunAtMs(rotation, nowMs);
  const beforeEnd = current === undefined ? null : replaceBeforeEndMs(current, nowMs);
  return planned === null || beforeEnd === null ? planned : Math.min(planned, beforeEnd);
}

const SCHEDULE = ['intervalDays', 'cron', 'timezone', 'window', 'jitterMinutes'] as const;

/** Whether the next run is to be planned anew. While one is open nothing is planned. */
export function isReplanned({ run }: Rotation, changes: object): boolean {
  if (run !== null && !isRunEnded(run.state)) return false;
  return SCHEDULE.some((field) => field in changes);
}
