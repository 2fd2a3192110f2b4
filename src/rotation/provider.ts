import type * as z from 'zod';
import type {
  CheckFinding,
  Clock,
  CutoverSettings,
  Outbound,
  ProviderId,
  SecretValue,
} from '../core/index.js';

/**
 * What can be known after a minting that may or may not have happened. `apply`: this side chose the value, and it is
 * applied again; `replay`: the same request with the same idempotency key answers as before; `list`: what is new at
 * the provider since before is an orphan; `expire`: what may have been made soon expires by itself, and another is
 * minted; `consume`: it cannot be known, and what was sent may be used up; `assisted`: a person mints.
 */
export type Recovery = 'apply' | 'replay' | 'list' | 'expire' | 'consume' | 'assisted';

/** What every call gets: the settings, checked, and what leaves the process. */
export interface ProviderCall<Config> {
  readonly config: Config;
  /** Current values of the secrets of `_providers` that the config names, by the name of the config's field. */
  readonly credentials: ReadonlyMap<string, SecretValue>;
  /** The value in use now; undefined where there is none yet. Fields are within, as JSON. */
  readonly current: SecretValue | undefined;
  readonly secret: string;
  readonly environment: string;
  readonly outbound: Outbound;
  readonly clock: Clock;
  /** Aborted before the run's lease ends: what has not been answered then is unknown. */
  readonly signal: AbortSignal;
}

/** What was minted. */
export interface Minted {
  readonly value: SecretValue;
  /** Names of the fields where the value is a JSON object of strings. */
  readonly fields?: readonly string[];
  /** The provider's own name for the key, no secret; undefined where it gives none. */
  readonly keyId?: string;
  readonly expiresAtMs?: number;
  /** Credentials that the minting has used up and what takes their place, by the config's field. */
  readonly credentials?: ReadonlyMap<string, SecretValue>;
}

/** What a minting begins with, committed before it. */
export interface MintingPlan {
  /** All keys that the provider has now, by id; undefined where it cannot list them. */
  readonly keyIds?: readonly string[];
  /** The id of the key in use now. */
  readonly oldKeyId?: string;
  /** What the new key is made of on this side; kept sealed. */
  readonly material?: SecretValue;
}

export interface MintCall<Config> extends ProviderCall<Config> {
  /** The same each time that this minting is tried. */
  readonly stepId: string;
  readonly material: SecretValue | undefined;
  /** What `plan` has found. */
  readonly keyIds: readonly string[] | null;
  readonly oldKeyId: string | null;
}

/** A key of the secret at the provider, to be disabled, enabled or revoked. */
export interface KeyCall<Config> extends ProviderCall<Config> {
  /** That of the run's minting. */
  readonly stepId: string;
  /** `replaced`: a newer one is in use; `taken_back`: this run made it, and it is not to be used. */
  readonly because: 'replaced' | 'taken_back';
  /** Null for an orphan, which no version holds. */
  readonly version: number | null;
  /** Null where the provider gives no ids. */
  readonly keyId: string | null;
  /** The version's value, where it is still there. */
  readonly value: SecretValue | undefined;
  /** Whether whoever still uses the key is cut off (an emergency); else `in_use` is thrown where that can be told. */
  readonly cutOff: boolean;
}

/**
 * One service that makes keys. Calls throw `ProviderError` alone; repeating `disable`, `enable` and `revoke` is
 * harmless, and a key that is not there is success.
 */
export interface Provider<Config = unknown> {
  readonly id: ProviderId;
  readonly title: string;
  readonly summary: string;
  /** Strict: an unknown field is a problem. Secrets of `_providers` are named by `providerSecret()` fields. */
  readonly config: z.ZodType<Config>;
  /** Names of the fields of `config` that name a secret of `_providers`, as far as this config uses them. */
  credentialsOf(config: Config): Readonly<Record<string, string>>;
  /** Depends on the config where the provider has several ways of working. */
  recovery(config: Config): Recovery;
  /** Minted ahead of their expiry; there is nothing to disable or revoke. */
  byExpiry?(config: Config): { readonly aheadMs: number } | undefined;
  /** How its values go live where the rotation says nothing. */
  readonly cutover?: Partial<CutoverSettings>;
  fields(config: Config): readonly string[];
  /** Undefined where nothing of them leaves this machine. */
  sentTo?(config: Config): SentTo;
  /** `assisted`: what a person does at the provider to get the new value, word for word. */
  instructions?(config: Config): string;
  /** Names the account that minting changes, the same for every rotation that works on it. */
  principal(call: ProviderCall<Config>): Promise<string>;
  /** Connection, credentials and permissions, without changing anything. Never throws for what it finds. */
  check(call: ProviderCall<Config>): Promise<readonly CheckFinding[]>;
  /** Called before each minting: refuses what must not be begun (`refused`), and says what it begins with. */
  plan(call: ProviderCall<Config>): Promise<MintingPlan>;
  mint(call: MintCall<Config>): Promise<Minted>;
  /** For `list`: keys that are there now, once the provider's answers are consistent. */
  listKeyIds?(call: ProviderCall<Config>): Promise<readonly string[]>;
  /** Whether the new value works at the provider itself; throws `refused` when it does not, `unavailable` to be asked again. */
  verify(call: ProviderCall<Config>, minted: Pick<Minted, 'value' | 'keyId'>): Promise<void>;
  /** When the key was last used by anybody, as the provider knows it; undefined when it does not. */
  lastUsedAtMs?(call: KeyCall<Config>): Promise<number | undefined>;
  /** Where it depends on the config which of `disable` and `revoke` there is. Ask `keyActionsOf`. */
  keyActions?(config: Config): KeyActions;
  /** Undefined where a key cannot be disabled and enabled again. */
  disable?(call: KeyCall<Config>): Promise<void>;
  enable?(call: KeyCall<Config>): Promise<void>;
  /** Undefined where nothing can be revoked. */
  revoke?(call: KeyCall<Config>): Promise<void>;
}

/** Hosts that get credentials, and hosts that get the value in use: `allowedHosts` of each secret must have them. */
export interface SentTo {
  readonly credentials: readonly string[];
  readonly value: readonly string[];
}

/** What can be done to a key at its provider. */
export interface KeyActions {
  /** And enabled again. */
  readonly disable: boolean;
  readonly revoke: boolean;
}

/** What a rotation with this config can do to keys at the provider; both false where they only expire. */
export function keyActionsOf<Config>(provider: Provider<Config>, config: Config): KeyActions {
  const { disable, revoke } = provider;
  return (
    provider.keyActions?.(config) ?? {
      disable: disable !== undefined,
      revoke: revoke !== undefined,
    }
  );
}

/**
 * `refused`: the provider said no, and nothing was made; `throttled`: nothing was made, later it may be; `unavailable`:
 * the same, for another reason; `unknown`: it may have been made; `spent`: what the minting needs was used up
 * (`invalid_grant`); `in_use`: somebody is connected by the key that was to be disabled (the message says who), and it
 * was left as it is: the run holds and asks again, however long it takes.
 */
export type ProviderFailure =
  | 'refused'
  | 'throttled'
  | 'unavailable'
  | 'unknown'
  | 'spent'
  | 'in_use';

/** What a provider's call came to. `message` is for a person, and holds no value and no text of the provider's. */
export class ProviderError extends Error {
  readonly failure: ProviderFailure;
  /** What a person does about it. */
  readonly whatToDo: string;
  readonly retryAfterMs: number | undefined;

  constructor(
    failure: ProviderFailure,
    message: string,
    options: {
      readonly whatToDo: string;
      readonly retryAfterMs?: number | undefined;
      readonly cause?: unknown;
    },
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ProviderError';
    this.failure = failure;
    this.whatToDo = options.whatToDo;
    this.retryAfterMs = options.retryAfterMs;
  }
}
