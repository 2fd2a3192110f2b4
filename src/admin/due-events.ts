import {
  type Admin,
  isRunEnded,
  type Rotation,
  rotateAtMs,
  type SecretEnvironmentSummary,
  type SecretSummary,
} from '../core/index.js';
import type { AdminDependencies } from './dependencies.js';
import { rotationsOf } from './find-rotation.js';
import { environmentsFilter } from './find-secret.js';
import type { CalendarEvent } from './render-calendar.js';
import { findProvider } from './rotation-detail.js';
import { wholeList } from './whole-list.js';

type Dependencies = Pick<AdminDependencies, 'store' | 'rotations'>;

/** What is due by itself, and by hand: one for each secret and environment that the admin sees. */
export async function dueEvents(
  { store, rotations }: Dependencies,
  admin: Admin,
): Promise<CalendarEvent[]> {
  const { databaseId } = store;
  const rotated = await wholeList((page) =>
    store.listRotations({ ...rotationsOf(admin), ...page }),
  );
  const secrets = await wholeList((page) =>
    store.listSecrets({
      namePrefix: admin.secretPrefix ?? undefined,
      environments: environmentsFilter(admin),
      ...page,
    }),
  );
  const automatic = rotated.flatMap((rotation) => {
    const { nextRunAtMs, id, secret, environment, provider } = rotation;
    if (nextRunAtMs === null || rotation.state === 'paused') return [];
    const { title = provider, assisted } = findProvider(rotations, provider) ?? {};
    const then = assisted ? 'It then waits for somebody to give the new value.' : 'By itself.';
    return [
      {
        id: `${databaseId} rotation ${id}`,
        atMs: nextRunAtMs,
        allDay: false,
        summary: `Rotation of ${secret} in ${environment}`,
        description: `${title}. ${then}\nkeyferry rotation show ${secret} --environment ${environment}`,
      },
    ];
  });
  const taken = new Set(rotated.filter(goesOn).map(placeOf));
  const byHand = secrets.flatMap((secret) =>
    secret.environments.flatMap((held) => {
      const atMs = dueAtMs(secret, held);
      const { environment } = held;
      if (atMs === undefined || taken.has(placeOf({ secret: secret.name, environment }))) return [];
      const owner = secret.owner === null ? '' : `Owner: ${secret.owner}\n`;
      return [
        {
          id: `${databaseId} secret ${secret.id} ${environment}`,
          atMs,
          allDay: true,
          summary: `Rotate ${secret.name} in ${environment} (by hand)`,
          description: `${owner}keyferry rotate ${secret.name} --environment ${environment}`,
        },
      ];
    }),
  );
  return [...automatic, ...byHand].sort((a, b) => a.atMs - b.atMs);
}

/** One that is paused with nothing under way is nobody's but a person's. */
function goesOn({ state, run }: Rotation): boolean {
  return state === 'active' || (run !== null && !isRunEnded(run.state));
}

function placeOf({ secret, environment }: { secret: string; environment: string }): string {
  return `${environment}/${secret}`;
}

/** When the current version is to be replaced; undefined without one. */
function dueAtMs(secret: SecretSummary, held: SecretEnvironmentSummary): number | undefined {
  const { currentCreatedAtMs: createdAtMs, currentExpiresAtMs: expiresAtMs } = held;
  return createdAtMs === null ? undefined : rotateAtMs(secret, { createdAtMs, expiresAtMs });
}
