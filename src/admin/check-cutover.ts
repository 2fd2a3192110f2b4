import {
  type Admin,
  AppError,
  type Client,
  nearestName,
  type Problem,
  type Store,
} from '../core/index.js';
import { reachOf } from './client-reach.js';
import { invalidRequest } from './invalid-request.js';
import { namesCurrent } from './references-of.js';

interface CutoverPlan {
  readonly secret: string;
  readonly environment: string;
  /** Null for one by name. */
  readonly toVersion: number | null;
  readonly routes: readonly string[] | null;
  readonly clients: readonly string[] | null;
}

/**
 * Checks what only the store knows: routes that take the secret's current version, clients of the environment, and
 * that the new version is not the old one again. Throws `invalid_request` with every problem, `version_unusable`.
 */
export async function checkCutover(store: Store, admin: Admin, plan: CutoverPlan): Promise<void> {
  const problems = await findUnknownPartakers(store, admin, plan);
  if (problems.length > 0) throw invalidRequest(problems);
  const { toVersion } = plan;
  if (toVersion !== null) await refuseSameValue(store, { ...plan, toVersion });
}

/** Routes that do not take the secret's current version, and clients that send no requests in the environment. */
export async function findUnknownPartakers(
  store: Store,
  admin: Admin,
  plan: Omit<CutoverPlan, 'toVersion'>,
): Promise<Problem[]> {
  return [
    ...(plan.routes === null
      ? []
      : findUnknown('routes', plan.routes, await routesOf(store, plan), {
          one: 'route',
          which: `takes the current version of ${plan.secret} in ${plan.environment}`,
        })),
    ...(plan.clients === null
      ? []
      : findUnknown('clients', plan.clients, await clientsOf(store, admin, plan.environment), {
          one: 'client',
          which: `may send requests in ${plan.environment}`,
        })),
  ];
}

/** Long enough to choose from. */
const MOST_NAMED = 10;

function findUnknown(
  field: string,
  given: readonly string[],
  known: readonly string[],
  { one, which }: { one: string; which: string },
): Problem[] {
  return given.flatMap((name, index) => {
    if (known.includes(name)) return [];
    const some = known.slice(0, MOST_NAMED).join(', ');
    const more = known.length > MOST_NAMED ? ', …' : '';
    const message = `no such ${one} ${which}; ${known.length === 0 ? `no ${one} does` : `these do: ${some}${more}`}`;
    const nearest = nearestName(name, known);
    const path = `${field}[${index}]`;
    return [nearest === undefined ? { path, message } : { path, message, nearest }];
  });
}

/** Routes with a place that a cutover moves: one that pins no version. */
async function routesOf(
  store: Store,
  { secret, environment }: Omit<CutoverPlan, 'toVersion'>,
): Promise<string[]> {
  const applied = await store.currentRoutes();
  return (applied?.document.routes ?? [])
    .filter((route) => namesCurrent(route, environment, secret))
    .map(({ name }) => name);
}

async function clientsOf(store: Store, admin: Admin, environment: string): Promise<string[]> {
  const reaches = await reachOf(store, admin);
  const found: Client[] = [];
  let cursor: string | undefined;
  do {
    const page = await store.listClients({ environments: [environment], limit: 1000, cursor });
    found.push(...page.items.filter(reaches));
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  return found.filter(({ revokedAtMs }) => revokedAtMs === null).map(({ name }) => name);
}

/** A "new" key that is the old one would pass every test, and end with the revocation of what is in use. */
async function refuseSameValue(
  store: Store,
  { secret, environment, toVersion }: CutoverPlan & { readonly toVersion: number },
): Promise<void> {
  const [from, to] = await store.resolveValues([
    { secret, environment, version: undefined },
    { secret, environment, version: toVersion },
  ]);
  if (from?.status !== 'found' || to?.status !== 'found') return;
  if (from.version === toVersion || !from.value.equals(to.value)) return;
  throw new AppError(
    'version_unusable',
    `Version ${toVersion} of "${secret}" in ${environment} holds the same value as version ${from.version}, which is current: a cutover would change nothing. Add a version with the new value.`,
  );
}
