import { z } from 'zod';
import { SecretValue } from '../../src/core/index.js';
import {
  type KeyActions,
  type KeyCall,
  type MintCall,
  type Minted,
  type MintingPlan,
  type Provider,
  type ProviderCall,
  ProviderError,
  type ProviderFailure,
  type Recovery,
  textOf,
} from '../../src/rotation/index.js';

export interface ServiceKey {
  readonly id: string;
  readonly value: string;
  readonly madeBy: 'keyferry' | 'before' | 'other';
  state: 'live' | 'disabled' | 'gone';
  /** Whether it was seen to work while it was not in use yet. */
  verified: boolean;
  works: boolean;
}

/** What a call comes to in place of its own end. `lost`: it is done, and nobody is told. */
export type ServiceFault = ProviderFailure | 'lost' | 'broken_key' | 'hang';

const IDS = {
  apply: 'postgres',
  replay: 'custom',
  list: 'aws',
  expire: 'command',
  consume: 'oauth2',
  assisted: 'stripe',
} as const;

/**
 * A service that makes keys, in this process: it keeps what it is told, judges every call by what must never happen,
 * and has whatever way of being recovered that a test asks for. It outlives the engines that call it.
 */
export class KeyService {
  readonly keys = new Map<string, ServiceKey>();
  /** What should not have happened. */
  readonly violations: string[] = [];
  readonly calls: string[] = [];
  /** Asked before each call. */
  fault: (call: string) => ServiceFault | undefined = () => undefined;
  /** When the old key was last used, as the service says. */
  lastUsedAtMs: number | undefined;
  refreshToken = 'refresh-1';
  /** How long keys live, by the clock of who asks; undefined = for ever. */
  lifeMs: number | undefined;
  readonly #answers = new Map<string, ServiceKey>();
  #made = 0;

  constructor(initial = 'initial-key') {
    this.add({ id: 'k0', value: initial, madeBy: 'before', verified: true });
  }

  add(key: Pick<ServiceKey, 'id' | 'value' | 'madeBy'> & Partial<ServiceKey>): ServiceKey {
    const added: ServiceKey = { state: 'live', verified: false, works: true, ...key };
    this.keys.set(key.id, added);
    return added;
  }

  accepts(value: string): boolean {
    return this.live().some((key) => key.value === value && key.works);
  }

  live(): ServiceKey[] {
    return [...this.keys.values()].filter(({ state }) => state === 'live');
  }

  make(value: string, works: boolean, id = `k${++this.#made}`): ServiceKey {
    const limit = 2;
    if (this.live().length >= limit && this.keys.get(id)?.state !== 'live') {
      throw refusal('There are two keys already.');
    }
    return this.add({ id, value, madeBy: 'keyferry', works });
  }

  answerOf(stepId: string, make: () => ServiceKey): ServiceKey {
    const known = this.#answers.get(stepId);
    if (known !== undefined) return known;
    const made = make();
    this.#answers.set(stepId, made);
    return made;
  }

  /** Judges what is done to a key. */
  change({ keyId, because, value }: KeyCall<unknown>, state: ServiceKey['state']): void {
    const text = value === undefined ? undefined : textOf(value);
    const key =
      keyId === null
        ? [...this.keys.values()].find((one) => one.value === text)
        : this.keys.get(keyId);
    if (key === undefined || key.state === 'gone') return;
    if (key.madeBy === 'other') this.violations.push(`foreign key ${key.id} was touched`);
    const others = this.live().filter((one) => one !== key && one.verified && one.works);
    if (because === 'replaced' && state !== 'live' && others.length === 0) {
      this.violations.push(`key ${key.id} is ${state}, and no other one was verified`);
    }
    if (because === 'taken_back' && key.madeBy !== 'keyferry') {
      this.violations.push(`key ${key.id} was taken back, and Keyferry did not make it`);
    }
    key.state = state;
  }
}

const config = z.strictObject({ credential: z.string().default('service_token') });
type Config = z.infer<typeof config>;

/** A provider of the service, recovered in one of the six ways. */
export function providerOf(
  service: KeyService,
  recovery: Recovery,
  actions: KeyActions = { disable: true, revoke: true },
): Provider<Config> {
  const call = <T>(name: string, { signal }: ProviderCall<Config>, work: () => T): Promise<T> =>
    attempt(service, name, signal, work);
  return {
    id: IDS[recovery],
    title: 'Key service',
    summary: 'Makes keys for tests.',
    config,
    credentialsOf: ({ credential }) => ({ credential }),
    recovery: () => recovery,
    fields: () => [],
    keyActions: () => actions,
    principal: (given) => call('principal', given, () => 'account'),
    check: async () => [],
    plan: (given): Promise<MintingPlan> =>
      call('plan', given, () => {
        const current = given.current === undefined ? '' : textOf(given.current);
        const old = [...service.keys.values()].find(({ value }) => value === current);
        const keyIds = service.live().map(({ id }) => id);
        if (keyIds.length >= 2) throw refusal('There is a second key that nobody here has made.');
        return {
          ...(old === undefined ? {} : { oldKeyId: old.id }),
          ...(recovery === 'list' ? { keyIds } : {}),
          ...(recovery === 'apply'
            ? { material: SecretValue.fromText(`applied-${Math.random().toString(36).slice(2)}`) }
            : {}),
        };
      }),
    mint: (given: MintCall<Config>): Promise<Minted> =>
      call('mint', given, () => {
        const works = service.fault('make') !== 'broken_key';
        if (recovery === 'apply') {
          const value = given.material === undefined ? '' : textOf(given.material);
          const id = `of-${value}`;
          const key =
            service.keys.get(id)?.state === 'live'
              ? service.keys.get(id)
              : service.make(value, works, id);
          return mintedOf(key);
        }
        const fresh = (): ServiceKey =>
          service.make(`value-${Math.random().toString(36).slice(2)}`, works);
        if (recovery === 'replay') return mintedOf(service.answerOf(given.stepId, fresh));
        if (recovery !== 'consume') {
          const { lifeMs } = service;
          const expiresAtMs = given.clock.now() + (lifeMs ?? 0);
          return { ...mintedOf(fresh()), ...(lifeMs === undefined ? {} : { expiresAtMs }) };
        }
        const token = given.credentials.get('credential');
        if (token === undefined || textOf(token) !== service.refreshToken) {
          throw new ProviderError('spent', 'The refresh token was used before.', {
            whatToDo: 'Sign in again.',
          });
        }
        const minted = mintedOf(fresh());
        service.refreshToken = `refresh-${minted.keyId}`;
        const credentials = new Map([['credential', SecretValue.fromText(service.refreshToken)]]);
        return { ...minted, credentials };
      }),
    listKeyIds: (given) => call('list', given, () => service.live().map(({ id }) => id)),
    verify: (given, { value }) =>
      call('verify', given, () => {
        const text = textOf(value);
        if (!service.accepts(text)) throw refusal('The new key is refused.');
        for (const key of service.live()) if (key.value === text) key.verified = true;
      }),
    ...(recovery === 'list'
      ? { lastUsedAtMs: (given) => call('last_use', given, () => service.lastUsedAtMs) }
      : {}),
    disable: (given) => call('disable', given, () => service.change(given, 'disabled')),
    enable: (given) => call('enable', given, () => service.change(given, 'live')),
    revoke: (given) => call('revoke', given, () => service.change(given, 'gone')),
  };
}

async function attempt<T>(
  service: KeyService,
  name: string,
  signal: AbortSignal,
  work: () => T,
): Promise<T> {
  service.calls.push(name);
  const fault = service.fault(name);
  if (fault === 'hang') await new Promise((resolve) => signal.addEventListener('abort', resolve));
  if (fault === undefined || fault === 'broken_key') return work();
  if (fault === 'lost' || fault === 'hang') {
    work();
    throw failure('unknown');
  }
  throw failure(fault);
}

function failure(kind: ProviderFailure): ProviderError {
  return new ProviderError(kind, `The service is ${kind}.`, { whatToDo: 'Look at the service.' });
}

function refusal(message: string): ProviderError {
  return new ProviderError('refused', message, { whatToDo: 'Look at the service.' });
}

function mintedOf(key: ServiceKey | undefined): Minted & { keyId: string } {
  if (key === undefined) throw new Error('there is no such key');
  return { value: SecretValue.fromText(key.value), keyId: key.id };
}
