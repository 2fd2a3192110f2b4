import type {
  Cutover,
  CutoverStore,
  Rotation,
  RotationRun,
  RotationStore,
  RunState,
  Store,
} from '../core/index.js';
import type { ProviderTraits, RunFacts } from './run-situation.js';

export type FactStore = Pick<Store, 'listVersions' | 'getSecret' | 'revokeSafetyOf' | 'usageOf'> &
  Pick<CutoverStore, 'getCutover' | 'listCutovers' | 'runningCutovers' | 'observationsOf'> &
  Pick<RotationStore, 'providerKeys' | 'runEvents'>;

const MOST_CUTOVERS = 50;
/** States in which a cutover of the secret matters. */
const MEETS_CUTOVERS: readonly RunState[] = [
  'PREFLIGHT',
  'CUTOVER',
  'GRACE',
  'DISABLING',
  'ROLLING_BACK',
];
/** States in which the old version is about to go. */
const LEAVES_OLD: readonly RunState[] = ['GRACE', 'DISABLING'];
const GOES_BACK: readonly RunState[] = ['ROLLING_BACK', 'CLEANUP'];

/** Reads what the next step of a run depends on: nothing that its state does not ask for. */
export async function gatherFacts(
  store: FactStore,
  run: RotationRun,
  rotation: Rotation,
  traits: ProviderTraits,
): Promise<RunFacts> {
  const { secret, environment, fromVersion, toVersion, state } = run;
  const versions = await store.listVersions(secret, environment);
  const keys = await store.providerKeys(secret, environment);
  const meets = MEETS_CUTOVERS.includes(state);
  const cutover = meets ? await cutoverOf(store, run) : undefined;
  const running = meets ? await store.runningCutovers() : [];
  const leaves = LEAVES_OLD.includes(state);
  const current = versions.find((one) => one.state === 'current')?.version ?? null;
  return {
    rotation,
    traits,
    current,
    newVersion: versions.find(({ version }) => version === toVersion),
    oldVersion: versions.find(({ version }) => version === fromVersion),
    newKey: keys.find(({ version }) => version === toVersion),
    oldKey: keys.find(({ version }) => version === fromVersion),
    currentKeyId: keys.find(({ version }) => version === current)?.keyId ?? null,
    knownKeyIds: keys.flatMap(({ keyId }) => (keyId === null ? [] : [keyId])),
    isRouted: state === 'CUTOVER' && (await isRouted(store, run)),
    cutover,
    otherCutover: running.find(
      (one) =>
        one.id !== cutover?.id &&
        one.environment === environment &&
        (one.secret === secret || one.toSecret === secret),
    ),
    accepted:
      run.trigger === 'emergency' && cutover !== undefined ? await acceptedBy(store, cutover) : 0,
    oldIsKept: leaves ? await whyKept(store, run) : undefined,
    oldUsedBy: leaves ? await lastUser(store, run) : undefined,
    whyBack: GOES_BACK.includes(state) ? await whyBack(store, run) : '',
  };
}

/** The one that was begun for this run, also where the run has not been told of it. */
async function cutoverOf(store: FactStore, run: RotationRun): Promise<Cutover | undefined> {
  const { secret, environment, toVersion, cutoverId } = run;
  if (cutoverId !== null) return store.getCutover(cutoverId);
  if (toVersion === null) return undefined;
  const { items } = await store.listCutovers({ secret, environment, limit: MOST_CUTOVERS });
  return items.find((one) => one.toVersion === toVersion && one.toSecret === null);
}

async function isRouted(store: FactStore, { secret, environment }: RotationRun): Promise<boolean> {
  const found = await store.getSecret(secret);
  return (found?.routesByEnvironment[environment]?.length ?? 0) > 0;
}

async function acceptedBy(store: FactStore, { id }: Cutover): Promise<number> {
  const observations = await store.observationsOf(id);
  return observations.reduce((sum, { side, accepted }) => sum + (side === 'new' ? accepted : 0), 0);
}

async function whyKept(store: FactStore, run: RotationRun): Promise<string | undefined> {
  const { secret, environment, fromVersion } = run;
  const found = await store.revokeSafetyOf(secret, environment);
  const reasons = found.find(({ version }) => version === fromVersion)?.reasons ?? [];
  const lasting = reasons.filter(({ code }) => code === 'pinned' || code === 'cutover');
  return lasting.length === 0 ? undefined : lasting.map(({ message }) => message).join('; ');
}

async function lastUser(store: FactStore, run: RotationRun): Promise<string | undefined> {
  const rows = await store.usageOf(run.secret, run.environment);
  const [last] = rows
    .filter(({ version }) => version === run.fromVersion)
    .sort((a, b) => b.lastUsedAtMs - a.lastUsedAtMs);
  if (last === undefined) return undefined;
  const at = new Date(last.lastUsedAtMs).toISOString();
  return `client "${last.client}" by route "${last.route}" at ${at}`;
}

async function whyBack(store: FactStore, { id, problem }: RotationRun): Promise<string> {
  const events = await store.runEvents(id);
  const turn = events.find(({ state }) => GOES_BACK.includes(state));
  return turn?.note ?? problem ?? 'It was rolled back.';
}
