import { randomUUID } from 'node:crypto';
import {
  AppError,
  type Clock,
  type CutoverStore,
  isRunEnded,
  type Rotation,
  type RotationRun,
  type RotationStore,
  type RunLease,
  type Store,
  SYSTEM_ACTOR,
} from '../core/index.js';
import { type BoundProvider, bindProvider, type ProviderRegistry } from './bound-provider.js';
import { type CallPlace, callProvider, type ProviderCallOptions } from './call-provider.js';
import { cutoverSettings } from './cutover-settings.js';
import { decideRun } from './decide-run.js';
import { type FactStore, gatherFacts } from './gather-facts.js';
import { graceMinutes } from './grace.js';
import type { Minted } from './provider.js';
import type { RotationPace } from './rotation-pace.js';
import {
  type CallFailure,
  isFailure,
  type RunCall,
  type RunDecision,
  type RunFacts,
  type RunOutcome,
} from './run-situation.js';

export interface RunWorkerOptions extends Omit<ProviderCallOptions, 'store'> {
  readonly store: FactStore &
    Pick<Store, 'resolveValues' | 'activateVersion' | 'revokeVersion' | 'destroyVersion'> &
    Pick<CutoverStore, 'startCutover' | 'completeCutover' | 'rollbackCutover'> &
    RotationStore;
  readonly providers: ProviderRegistry;
  readonly clock: Clock;
  readonly pace: RotationPace;
  /** Names this process among those that work on runs. */
  readonly holder: string;
  /** Puts the newest snapshot in place. */
  readonly publish: () => Promise<void>;
  /** Called when a run has gone on to another state. */
  readonly onState: (run: RotationRun) => void;
  /** Aborted when no further step is to be begun. */
  readonly stopping: AbortSignal;
  /** Aborted when a call under way is to be cut. */
  readonly cutting: AbortSignal;
}

/** What this process remembers of a run between looks. Nothing of it is needed. */
export interface RunMemory {
  /** What the rest belongs to: in another state, after another holder, or in an emergency, it is forgotten. */
  readonly place: string;
  verified: number;
  checked: boolean;
  /** Not looked at again before then; null = until something changes. */
  notBeforeMs: number | null;
}

export function placeOf({ state, epoch, trigger }: RotationRun): string {
  return `${state} ${epoch} ${trigger}`;
}

/** Takes one run on for as long as there is something to do. It holds the run's lease. */
export class RunWorker {
  readonly #options: RunWorkerOptions;
  readonly #lease: RunLease;
  #run: RotationRun;
  #memory: RunMemory;
  #learnt: CallPlace['learnt'];

  constructor(options: RunWorkerOptions, claimed: RotationRun, memory: RunMemory | undefined) {
    this.#options = options;
    this.#run = claimed;
    this.#lease = { id: claimed.id, epoch: claimed.epoch };
    // The epoch counts one more with each claim: what was remembered is of the one before.
    const isSame = memory?.place === placeOf({ ...claimed, epoch: claimed.epoch - 1 });
    this.#memory = isSame ? { ...memory, place: placeOf(claimed) } : freshMemory(claimed);
  }

  /** Resolves with what to remember, when there is nothing to do for now, or somebody else has the run. */
  async work(): Promise<RunMemory> {
    const { store, clock, pace, stopping } = this.#options;
    let outcome: RunOutcome | undefined;
    try {
      while (!stopping.aborted && !isRunEnded(this.#run.state)) {
        const rotation = await store.getRotation(this.#run.rotationId);
        if (rotation === undefined || rotation.state === 'paused') break;
        const bound = this.#bind(rotation);
        if (bound === undefined) break;
        const run = this.#run;
        const facts = await gatherFacts(store, run, rotation, bound.traits);
        const { verified, checked } = this.#memory;
        const nowMs = clock.now();
        const situation = { run, facts, outcome, verified, checked, pace, nowMs };
        const decision = decideRun(situation);
        if (decision.type === 'wait') {
          this.#memory.notBeforeMs = decision.untilMs;
          break;
        }
        outcome = await this.#carryOut(decision, facts, bound);
        if (outcome !== undefined) this.#remember(outcome);
      }
    } catch (error) {
      if (!isConflict(error)) throw error;
      // Another holder, or a person, was first: what there is then is looked at anew.
      this.#memory.notBeforeMs = clock.now();
    } finally {
      if (!isRunEnded(this.#run.state)) await store.releaseRun(this.#lease);
    }
    return this.#memory;
  }

  #bind(rotation: Rotation): BoundProvider | undefined {
    const { providers, clock, pace, onError } = this.#options;
    try {
      return bindProvider(providers, rotation);
    } catch (error) {
      onError(error);
      this.#memory.notBeforeMs = clock.now() + pace.longestRetryMs;
      return undefined;
    }
  }

  #remember(outcome: RunOutcome): void {
    if (outcome.call === 'verify')
      this.#memory.verified = isFailure(outcome) ? 0 : this.#memory.verified + 1;
    if (outcome.call === 'check') this.#memory.checked = !isFailure(outcome);
  }

  /** Gives what came of it; undefined where the run itself says it. Throws `conflict` where the lease was lost. */
  async #carryOut(
    decision: Exclude<RunDecision, { type: 'wait' }>,
    facts: RunFacts,
    bound: BoundProvider,
  ): Promise<RunOutcome | undefined> {
    const { store, clock } = this.#options;
    const { secret, environment, id } = this.#run;
    switch (decision.type) {
      case 'commit': {
        const { type: _, ...step } = decision;
        await this.#goTo(store.advanceRun({ ...this.#place(), ...step }));
        return undefined;
      }
      case 'reserve': {
        const { principal, plan } = decision;
        const keys =
          this.#run.toVersion === null
            ? []
            : [{ version: this.#run.toVersion, state: 'none', keyId: null } as const];
        const reserving = store.reserveVersion({
          ...this.#place(),
          stepId: randomUUID(),
          material: plan.material,
          changes: {
            principal,
            keyIdsBefore: plan.keyIds ?? null,
            oldKeyId: plan.oldKeyId ?? facts.currentKeyId ?? null,
            attempts: 1,
          },
          keys,
        });
        const isReserved = await this.#unlessTaken(reserving);
        return isReserved ? this.#call({ name: 'mint' }, facts, bound) : undefined;
      }
      case 'mint': {
        const changes = { attempts: this.#run.attempts + 1, retryAtMs: null };
        await this.#goTo(store.advanceRun({ ...this.#place(), to: 'MINTING', changes }));
        return this.#call({ name: 'mint' }, facts, bound);
      }
      case 'seal':
        return this.#seal(decision.minted, bound);
      case 'call':
        return this.#call(decision.call, facts, bound);
      case 'start_cutover':
        return this.#command(() =>
          store.startCutover({
            actor: SYSTEM_ACTOR,
            secret,
            environment,
            toVersion: this.#run.toVersion,
            toSecret: null,
            settings: cutoverSettings(
              { ...facts.rotation, gracePeriodMinutes: graceMinutes(facts, clock.now()) },
              bound.provider,
              this.#run.trigger,
            ),
          }),
        );
      case 'complete_cutover':
        return this.#endCutover(facts, (cutover) =>
          store.completeCutover({ ...cutover, reason: decision.reason }),
        );
      case 'rollback_cutover':
        return this.#endCutover(facts, (cutover) =>
          store.rollbackCutover({
            ...cutover,
            reason: `Rotation run ${id} is rolled back: ${facts.whyBack}`,
          }),
        );
      case 'activate': {
        const { version } = decision;
        return this.#command(() =>
          store.activateVersion({ actor: SYSTEM_ACTOR, secret, environment, version }),
        );
      }
      case 'revoke_version': {
        const { version } = decision;
        const force = { reason: `rotation run ${id}` };
        return this.#command(() =>
          store.revokeVersion({ actor: SYSTEM_ACTOR, secret, environment, version, force }),
        );
      }
      case 'destroy_version': {
        const { version } = decision;
        const force = { reason: `rotation run ${id}: expired` };
        return this.#command(() =>
          store.destroyVersion({ actor: SYSTEM_ACTOR, secret, environment, version, force }),
        );
      }
    }
  }

  #place() {
    const { state, trigger } = this.#run;
    return { actor: SYSTEM_ACTOR, lease: this.#lease, ifState: state, trigger };
  }

  async #goTo(step: Promise<RotationRun>): Promise<void> {
    const before = this.#run.state;
    this.#run = await step;
    if (this.#run.state === before) return;
    this.#memory = freshMemory(this.#run);
    this.#options.onState(this.#run);
  }

  /** An account that another run works on is waited for. */
  async #unlessTaken(step: Promise<RotationRun>): Promise<boolean> {
    const { store } = this.#options;
    try {
      await this.#goTo(step);
      return true;
    } catch (error) {
      const found = isConflict(error) ? await store.getRun(this.#run.id) : undefined;
      const isOurs = found?.epoch === this.#lease.epoch && found.state === this.#run.state;
      if (!isOurs || !(error instanceof AppError)) throw error;
      const { pace, clock } = this.#options;
      const { state } = this.#run;
      const changes = { problem: error.message, retryAtMs: clock.now() + 5 * pace.pollMs };
      await this.#goTo(store.advanceRun({ ...this.#place(), to: state, changes }));
      return false;
    }
  }

  async #seal(minted: Minted, bound: BoundProvider): Promise<RunOutcome | undefined> {
    const { store } = this.#options;
    if (this.#run.state !== 'MINTING') return undefined;
    const credentials = [...(minted.credentials ?? [])].flatMap(([field, value]) => {
      const secret = bound.credentials[field];
      return secret === undefined ? [] : [{ secret, value }];
    });
    await this.#goTo(
      store.sealMinted({
        ...this.#place(),
        value: minted.value,
        fields: minted.fields,
        expiresAtMs: minted.expiresAtMs,
        credentials,
        changes: { newKeyId: minted.keyId ?? null },
        note: `Version ${this.#run.toVersion} is made.`,
      }),
    );
    return undefined;
  }

  /** The lease outlives the call. */
  async #call(call: RunCall, facts: RunFacts, bound: BoundProvider): Promise<RunOutcome> {
    const { store, pace, cutting } = this.#options;
    if (!(await store.renewLease({ ...this.#lease, leaseMs: pace.leaseMs }))) {
      throw new AppError('conflict', 'The lease was lost.');
    }
    const signal = AbortSignal.any([AbortSignal.timeout(pace.callTimeoutMs), cutting]);
    const place = {
      run: this.#run,
      lease: this.#lease,
      facts,
      bound,
      signal,
      learnt: this.#learnt,
    };
    const outcome = await callProvider(this.#options, call, place);
    if (outcome.call === 'mint' && 'minted' in outcome) {
      const { value, keyId = null } = outcome.minted;
      this.#learnt = { value, keyId };
    }
    return outcome;
  }

  async #endCutover(
    { cutover }: RunFacts,
    end: (command: { actor: typeof SYSTEM_ACTOR; id: string }) => Promise<unknown>,
  ): Promise<RunOutcome | undefined> {
    if (cutover === undefined) return undefined;
    return this.#command(() => end({ actor: SYSTEM_ACTOR, id: cutover.id }));
  }

  /** A command that moves versions: what it answers is seen in the store. */
  async #command(command: () => Promise<unknown>): Promise<RunOutcome | undefined> {
    const { store, pace, publish } = this.#options;
    if (!(await store.renewLease({ ...this.#lease, leaseMs: pace.leaseMs }))) {
      throw new AppError('conflict', 'The lease was lost.');
    }
    try {
      await command();
    } catch (error) {
      if (!(error instanceof AppError) || error.code === 'store_unavailable') throw error;
      return { call: 'store', failed: failureOf(error) };
    }
    await publish();
    return undefined;
  }
}

function freshMemory(run: RotationRun): RunMemory {
  return { place: placeOf(run), verified: 0, checked: false, notBeforeMs: 0 };
}

function isConflict(error: unknown): boolean {
  return error instanceof AppError && error.code === 'conflict';
}

function failureOf(error: AppError): CallFailure {
  return { failure: 'unavailable', message: error.message, whatToDo: '', retryAfterMs: undefined };
}
