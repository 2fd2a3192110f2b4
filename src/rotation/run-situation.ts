import type {
  Cutover,
  ProviderKey,
  Rotation,
  RotationRun,
  RunChanges,
  RunState,
  Version,
} from '../core/index.js';
import type { KeyActions, Minted, MintingPlan, ProviderFailure, Recovery } from './provider.js';
import type { RotationPace } from './rotation-pace.js';

/** What a rotation's provider can do, by its config. */
export interface ProviderTraits extends KeyActions {
  readonly recovery: Recovery;
  readonly tellsLastUse: boolean;
  /** How long before its expiry the value is made anew; undefined where a schedule says when. */
  readonly aheadMs?: number | undefined;
  /** What a person does to get the new value, where a person mints. */
  readonly instructions: string | undefined;
}

/** What the store says. */
export interface RunFacts {
  readonly rotation: Rotation;
  readonly traits: ProviderTraits;
  readonly current: number | null;
  /** Undefined until it has a value. */
  readonly newVersion: Version | undefined;
  readonly oldVersion: Version | undefined;
  readonly newKey: ProviderKey | undefined;
  readonly oldKey: ProviderKey | undefined;
  /** The provider's id of the key that is current, as far as Keyferry knows it. */
  readonly currentKeyId?: string | null;
  /** All keys of the secret that Keyferry knows. */
  readonly knownKeyIds: readonly string[];
  /** Whether routes name the secret in the environment. */
  readonly isRouted: boolean;
  /** The one of this run's version, under way or ended; undefined before it. */
  readonly cutover: Cutover | undefined;
  /** Another one under way of the secret in the environment. */
  readonly otherCutover: Cutover | undefined;
  /** Requests and probes that were accepted with the new version. */
  readonly accepted: number;
  /** Why the old version cannot go for reasons other than its use; undefined where it can. */
  readonly oldIsKept: string | undefined;
  /** Who used the old version last, in words. */
  readonly oldUsedBy: string | undefined;
  /** Why it was rolled back, in a sentence; where it was. */
  readonly whyBack: string;
}

/** What the provider is asked for. */
export type RunCall =
  /** Whose account it is, and what the minting begins with. */
  | { readonly name: 'plan' }
  /** Once more, to learn which key is to be revoked. */
  | { readonly name: 'mint' }
  | { readonly name: 'list' }
  | { readonly name: 'delete_orphan'; readonly keyId: string }
  | { readonly name: 'verify' }
  /** The propagation check. */
  | { readonly name: 'check' }
  | { readonly name: 'last_use' }
  | { readonly name: 'disable_old' }
  | { readonly name: 'enable_old' }
  | { readonly name: 'revoke_old' }
  /** Of the run's own key: by what it was made of, where no version has it yet. */
  | { readonly name: 'revoke_new' };

export interface CallFailure {
  readonly failure: ProviderFailure;
  readonly message: string;
  readonly whatToDo: string;
  readonly retryAfterMs: number | undefined;
}

/** What came of the last step; undefined at the beginning, and after each commit. */
export type RunOutcome =
  | { readonly call: 'plan'; readonly principal: string; readonly plan: MintingPlan }
  | { readonly call: 'mint'; readonly minted: Minted }
  | { readonly call: 'list'; readonly keyIds: readonly string[] }
  | { readonly call: 'last_use'; readonly atMs: number | undefined }
  | { readonly call: Exclude<RunCall['name'], 'plan' | 'mint' | 'list' | 'last_use'> }
  | { readonly call: RunCall['name']; readonly failed: CallFailure }
  /** A command of the store did not go. */
  | { readonly call: 'store'; readonly failed: CallFailure };

/** Everything that the next step depends on. */
export interface RunSituation {
  readonly run: RotationRun;
  readonly facts: RunFacts;
  readonly outcome: RunOutcome | undefined;
  /** Verifications in a row that this process has seen succeed, in this state. */
  readonly verified: number;
  /** Whether this process has seen the propagation check succeed, in this state. */
  readonly checked: boolean;
  readonly pace: RotationPace;
  readonly nowMs: number;
}

/** The run goes to a state, or writes something down in its own. */
export interface RunCommit {
  readonly type: 'commit';
  readonly to: RunState;
  readonly changes?: RunChanges;
  readonly note?: string;
  readonly reason?: string;
  readonly keys?: readonly ProviderKey[];
}

export type RunDecision =
  /** Nothing to do before then, or before something changes (null). */
  | { readonly type: 'wait'; readonly untilMs: number | null }
  | RunCommit
  /** Begins the minting, and makes the first attempt. */
  | { readonly type: 'reserve'; readonly principal: string; readonly plan: MintingPlan }
  /** Counts one more attempt, and makes it. */
  | { readonly type: 'mint' }
  | { readonly type: 'seal'; readonly minted: Minted }
  | { readonly type: 'call'; readonly call: RunCall }
  | { readonly type: 'start_cutover' }
  | { readonly type: 'complete_cutover'; readonly reason: string }
  | { readonly type: 'rollback_cutover' }
  | { readonly type: 'activate'; readonly version: number }
  | { readonly type: 'revoke_version'; readonly version: number }
  /** One that has expired: its value is of no use to anyone, and its row stays. */
  | { readonly type: 'destroy_version'; readonly version: number };

export type RunFailure = Extract<RunOutcome, { failed: CallFailure }>;

export function isFailure(outcome: RunOutcome | undefined): outcome is RunFailure {
  return outcome !== undefined && 'failed' in outcome;
}
