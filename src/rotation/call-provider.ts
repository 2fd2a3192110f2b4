import {
  AppError,
  type Clock,
  hostAllowed,
  type Outbound,
  PROVIDERS_ENVIRONMENT,
  type ResolvedValue,
  type RotationRun,
  type RotationStore,
  type RunLease,
  type SecretValue,
  type Store,
  type ValueReference,
} from '../core/index.js';
import type { BoundProvider } from './bound-provider.js';
import type { CheckPropagation } from './check-propagation.js';
import { type KeyCall, ProviderError } from './provider.js';
import type { CallFailure, RunCall, RunFacts, RunOutcome } from './run-situation.js';

export interface ProviderCallOptions {
  readonly store: Pick<Store, 'resolveValues'> & Pick<RotationStore, 'openMaterial'>;
  readonly outbound: Outbound;
  readonly clock: Clock;
  readonly checkPropagation: CheckPropagation;
  /** Called with what no provider should throw. */
  readonly onError: (error: unknown) => void;
}

/** What a call of a run is made with. */
export interface CallPlace {
  readonly run: RotationRun;
  readonly lease: RunLease;
  readonly facts: RunFacts;
  readonly bound: BoundProvider;
  readonly signal: AbortSignal;
  /** What a minting sent again has given: no version holds it. */
  readonly learnt: { readonly value: SecretValue; readonly keyId: string | null } | undefined;
}

/** Makes one call of a provider, and tells what came of it. Throws only what the store throws. */
export async function callProvider(
  options: ProviderCallOptions,
  call: RunCall,
  place: CallPlace,
): Promise<RunOutcome> {
  try {
    return await Promise.race([perform(options, call, place), untilAborted(place.signal)]);
  } catch (error) {
    if (error instanceof AppError && error.code === 'store_unavailable') throw error;
    return { call: call.name, failed: failureOf(error, call, place, options.onError) };
  }
}

async function perform(
  options: ProviderCallOptions,
  call: RunCall,
  place: CallPlace,
): Promise<RunOutcome> {
  const { run, facts, bound, lease } = place;
  const { provider } = bound;
  const base = await openCall(options, bound, facts.rotation, place.signal);
  const openValue = (version: number | null): Promise<SecretValue | undefined> =>
    openVersion(options.store, run, version);
  const keyCall = (key: Partial<KeyCall<unknown>>): KeyCall<unknown> => ({
    ...base,
    stepId: run.stepId ?? run.id,
    because: 'taken_back',
    version: null,
    keyId: null,
    value: undefined,
    cutOff: true,
    ...key,
  });
  const oldKey = async (): Promise<KeyCall<unknown>> =>
    keyCall({
      because: 'replaced',
      version: run.fromVersion,
      keyId: run.oldKeyId,
      value: await openValue(run.fromVersion),
      cutOff: run.trigger === 'emergency',
    });
  switch (call.name) {
    case 'plan': {
      const principal = await provider.principal(base);
      return { call: 'plan', principal, plan: await provider.plan(base) };
    }
    case 'mint': {
      const minted = await provider.mint({
        ...base,
        stepId: run.stepId ?? run.id,
        material: await options.store.openMaterial(lease),
        keyIds: run.keyIdsBefore,
        oldKeyId: run.oldKeyId,
      });
      return { call: 'mint', minted };
    }
    case 'list':
      return { call: 'list', keyIds: (await provider.listKeyIds?.(base)) ?? [] };
    case 'delete_orphan':
      await provider.revoke?.(keyCall({ keyId: call.keyId }));
      return { call: call.name };
    case 'verify': {
      const value = await openValue(run.toVersion);
      if (value === undefined) throw gone(`Version ${run.toVersion} cannot be opened.`);
      const keyId = run.newKeyId ?? undefined;
      await provider.verify(base, keyId === undefined ? { value } : { value, keyId });
      return { call: call.name };
    }
    case 'check':
      await options.checkPropagation(facts.rotation, run.toVersion, place.signal);
      return { call: call.name };
    case 'last_use':
      return { call: 'last_use', atMs: await provider.lastUsedAtMs?.(await oldKey()) };
    case 'disable_old':
      await provider.disable?.(await oldKey());
      return { call: call.name };
    case 'enable_old':
      await provider.enable?.(await oldKey());
      return { call: call.name };
    case 'revoke_old':
      await provider.revoke?.(await oldKey());
      return { call: call.name };
    case 'revoke_new': {
      const { learnt } = place;
      const key = keyCall({
        version: facts.newVersion === undefined ? null : run.toVersion,
        keyId: run.newKeyId ?? learnt?.keyId ?? null,
        value:
          (await openValue(run.toVersion)) ??
          learnt?.value ??
          (await options.store.openMaterial(lease)),
      });
      await (bound.traits.revoke ? provider.revoke?.(key) : provider.disable?.(key));
      return { call: call.name };
    }
  }
}

/** What every call of the provider gets. Throws `ProviderError` (`refused`) where a credential is missing. */
export async function openCall(
  {
    store,
    outbound,
    clock,
  }: Pick<ProviderCallOptions, 'outbound' | 'clock'> & {
    readonly store: Pick<Store, 'resolveValues'>;
  },
  bound: BoundProvider,
  { secret, environment }: { readonly secret: string; readonly environment: string },
  signal: AbortSignal,
) {
  const named = Object.entries(bound.credentials);
  const references: ValueReference[] = named.map(([, name]) => ({
    secret: name,
    environment: PROVIDERS_ENVIRONMENT,
    version: undefined,
  }));
  references.push({ secret, environment, version: undefined });
  const found = await store.resolveValues(references);
  const credentials = new Map<string, SecretValue>();
  for (const [at, [field, name]] of named.entries()) {
    const answer = found[at];
    if (answer?.status !== 'found')
      throw gone(`"${name}" has no usable value in ${PROVIDERS_ENVIRONMENT}.`, name);
    credentials.set(field, answer.value);
  }
  const current = found.at(-1);
  requireAllowed(bound, named, secret, found);
  return {
    config: bound.config,
    credentials,
    current: current?.status === 'found' ? current.value : undefined,
    secret,
    environment,
    outbound,
    clock,
    signal,
  };
}

/** Throws `ProviderError` (`refused`) where a secret would be sent to a host that its `allowedHosts` leave out. */
function requireAllowed(
  { sentTo }: BoundProvider,
  named: readonly (readonly [field: string, name: string])[],
  secret: string,
  found: readonly ResolvedValue[],
): void {
  for (const [at, answer] of found.entries()) {
    if (answer.status !== 'found') continue;
    const credential = named[at]?.[1];
    const hosts = credential === undefined ? sentTo.value : sentTo.credentials;
    const refused = hosts.find((host) => !hostAllowed(host, answer.allowedHosts));
    if (refused === undefined) continue;
    throw new ProviderError(
      'refused',
      `"${credential ?? secret}" may not be sent to ${refused}: its allowedHosts leave that host out.`,
      {
        whatToDo: `Add ${refused} to its allowedHosts if it belongs there; otherwise look at who wrote the config.`,
      },
    );
  }
}

async function openVersion(
  store: Pick<Store, 'resolveValues'>,
  { secret, environment }: RotationRun,
  version: number | null,
): Promise<SecretValue | undefined> {
  if (version === null) return undefined;
  const [answer] = await store.resolveValues([{ secret, environment, version }]);
  return answer?.status === 'found' ? answer.value : undefined;
}

function gone(message: string, secret?: string): ProviderError {
  const whatToDo =
    secret === undefined
      ? 'Look at it: keyferry doctor.'
      : `Give it one: keyferry versions add ${secret} --environment ${PROVIDERS_ENVIRONMENT}`;
  return new ProviderError('refused', message, { whatToDo });
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}

function failureOf(
  error: unknown,
  call: RunCall,
  { bound, signal }: CallPlace,
  onError: (error: unknown) => void,
): CallFailure {
  if (error instanceof ProviderError) {
    const { failure, message, whatToDo, retryAfterMs } = error;
    return { failure, message, whatToDo, retryAfterMs };
  }
  if (!signal.aborted) onError(error);
  return {
    failure: call.name === 'mint' ? 'unknown' : 'unavailable',
    message: signal.aborted
      ? `Provider ${bound.provider.id} did not answer in time.`
      : `Provider ${bound.provider.id} failed in a way that Keyferry does not know.`,
    whatToDo: signal.aborted
      ? 'Look whether it can be reached from here.'
      : 'Look into the log of the server.',
    retryAfterMs: undefined,
  };
}
