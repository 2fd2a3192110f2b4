import type { ProviderId } from '../../src/core/index.js';

/** A key as the provider has it. */
export interface StandInKey {
  readonly id: string;
  readonly state: 'live' | 'disabled' | 'gone';
  /** `before`: in use when the test began; `other`: made by somebody else meanwhile. */
  readonly madeBy: 'keyferry' | 'before' | 'other';
}

/** What goes wrong at a provider, a number of times from now on. */
export const STAND_IN_FAULTS = [
  /** Makes the key and never answers. */
  'lost_answer',
  /** Makes nothing, and answers 5xx or closes. */
  'unavailable',
  'throttled',
  /** The key that it makes does not work. */
  'broken_key',
  'refused_revocation',
  'wrong_credentials',
  /** The credentials are right, and may not make keys. */
  'missing_permission',
  /** What the minting needs was used before (a refresh token). */
  'spent',
] as const;
export type StandInFault = (typeof STAND_IN_FAULTS)[number];

/** Stands in each error text of a stand-in of ours: nothing that Keyferry says may hold it. */
export const FOREIGN_WORDS = 'words of the provider';

/**
 * A provider on loopback that speaks its real protocol and keeps its rules: what contract suite, end-to-end tests and
 * kill tests run every provider against. It outlives the processes that call it.
 */
export interface ProviderStandIn {
  readonly provider: ProviderId;
  readonly config: Readonly<Record<string, unknown>>;
  /** Where its program lies, for `command`. */
  readonly commandFolder?: string;
  /** Values of the secrets of `_providers` that the config names. */
  readonly providerSecrets: Readonly<Record<string, string>>;
  /** The value in use before the first rotation, as it is put into Keyferry; undefined where the first run makes it. */
  readonly initial: string | undefined;
  /** Names of its fields; empty where it is one text. */
  readonly fields: readonly string[];
  /** What a route places so that `accepts` can tell: templates that name the secret `key`. */
  readonly headers: Readonly<Record<string, string>>;
  /** False where nobody can be asked whether a value works. */
  readonly verifies?: boolean;
  /** What `throttled` answers say; undefined where the protocol has no such thing. */
  readonly retryAfterSeconds?: number;
  /** Faults that this provider can have. */
  readonly faults: readonly StandInFault[];
  /** Whether a service that takes these keys would take this request now. */
  accepts(headers: Readonly<Record<string, string | string[] | undefined>>): Promise<boolean>;
  /** All that there ever were, oldest first. */
  keys(): Promise<readonly StandInKey[]>;
  fail(fault: StandInFault, times?: number): void;
  /** Somebody else makes a key of the same account; undefined where there can be no such thing. */
  addForeignKey?(): Promise<string>;
  /** For assisted ones: what a person would paste. Makes a key. */
  valueToPaste?(): Promise<string>;
  /** Where only a person can end a key: does so with the one that these headers carry. */
  endByHand?(headers: Readonly<Record<string, string>>): Promise<void>;
  /** Nothing answers any more. */
  close(): Promise<void>;
}
