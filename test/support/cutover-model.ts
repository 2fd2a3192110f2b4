import type { CutoverState, VersionState } from '../../src/core/index.js';

/** What a test wants done; `of` says where. */
export type Step = { readonly at: number } & (
  | { readonly type: 'add' }
  | { readonly type: 'activate'; readonly version: number }
  | { readonly type: 'rollback' }
  | { readonly type: 'revoke' | 'destroy'; readonly version: number; readonly forced: boolean }
  | { readonly type: 'start'; readonly version: number }
  | { readonly type: 'startByName' }
  | { readonly type: 'advance' | 'hold'; readonly stale: boolean; readonly bySystem: boolean }
  | { readonly type: 'complete' | 'rollbackCutover'; readonly bySystem: boolean }
  | { readonly type: 'pause' | 'resume' }
);

export const STEPS = [10, 50, 100];
const LAST_STEP = STEPS.length - 1;

/** One secret in one environment, in the fewest words. */
export class Place {
  readonly ended = new Map<number, 'revoked' | 'destroyed'>();
  readonly activated = new Set<number>();
  readonly secret: string;
  readonly environment: string;
  current: number | undefined;
  previous: number | undefined;
  last = 0;

  constructor(secret: string, environment: string) {
    this.secret = secret;
    this.environment = environment;
  }

  makeCurrent(version: number): void {
    if (version === this.current) return;
    const others = [this.current, this.previous];
    this.previous = others.find((other) => other !== undefined && other !== version);
    this.current = version;
    this.activated.add(version);
  }

  end(version: number, state: 'revoked' | 'destroyed'): void {
    if (this.current === version) this.current = undefined;
    if (this.previous === version) this.previous = undefined;
    this.ended.set(version, state);
  }

  stateOf(version: number): VersionState {
    const ended = this.ended.get(version);
    if (ended !== undefined) return ended;
    if (this.current === version) return 'current';
    return this.activated.has(version) ? 'previous' : 'staged';
  }
}

export interface ModelCutover {
  readonly at: Place;
  /** Where it goes by name. */
  readonly target: Place | undefined;
  readonly from: number;
  readonly to: number | undefined;
  id: string;
  state: CutoverState;
  step: number;
  paused: boolean;
}

/** The rules of cutovers and versions together. */
export class CutoverModel {
  readonly cutovers: ModelCutover[] = [];
  readonly places: readonly Place[];

  constructor(places: readonly Place[]) {
    this.places = places;
  }

  place(at: number): Place {
    const place = this.places[at % this.places.length];
    if (place === undefined) throw new Error('a model has places');
    return place;
  }

  /** The other secret in the same environment. */
  other(place: Place): Place {
    const found = this.places.find(
      ({ secret, environment }) => secret !== place.secret && environment === place.environment,
    );
    if (found === undefined) throw new Error('there are two secrets');
    return found;
  }

  newest(at: Place): ModelCutover | undefined {
    return this.cutovers.findLast((cutover) => cutover.at === at);
  }

  running(place: Place): ModelCutover | undefined {
    return this.cutovers.find(
      ({ at, target, state }) => isRunning(state) && (at === place || target === place),
    );
  }

  /** Does it, or answers why not and changes nothing. */
  take(step: Step): string | undefined {
    const at = this.place(step.at);
    switch (step.type) {
      case 'add':
        at.last++;
        if (at.last === 1) at.makeCurrent(1);
        return undefined;
      case 'activate':
        return this.#activate(at, step.version);
      case 'rollback':
        return this.#rollback(at);
      case 'revoke':
      case 'destroy':
        return this.#end(at, step);
      case 'start':
      case 'startByName':
        return this.#start(at, step.type === 'start' ? step.version : undefined);
      default:
        return this.#onCutover(this.newest(at), step);
    }
  }

  #activate(at: Place, version: number): string | undefined {
    if (version > at.last) return 'not_found';
    if (at.ended.has(version)) return 'version_unusable';
    const running = this.running(at);
    if (running?.target === at) return version === at.current ? undefined : 'conflict';
    if (running !== undefined) {
      if (version === running.to) finish(running, 'COMPLETED');
      else if (version === running.from && !isMovedByName(running)) finish(running, 'ROLLED_BACK');
      else return 'conflict';
    }
    at.makeCurrent(version);
    return undefined;
  }

  #rollback(at: Place): string | undefined {
    const running = this.running(at);
    if (running !== undefined) {
      if (running.target === at || isMovedByName(running)) return 'conflict';
      const wasCurrent = running.state === 'CURRENT';
      finish(running, 'ROLLED_BACK');
      if (!wasCurrent) return undefined;
    }
    if (at.previous === undefined) return 'version_unusable';
    at.makeCurrent(at.previous);
    return undefined;
  }

  #end(
    at: Place,
    { type, version, forced }: { type: 'revoke' | 'destroy'; version: number; forced: boolean },
  ): string | undefined {
    if (version > at.last) return 'not_found';
    const ended = at.ended.get(version);
    if (ended === 'destroyed') return type === 'destroy' ? undefined : 'version_unusable';
    if (ended === 'revoked' && type === 'revoke') return undefined;
    const running = this.running(at);
    const isOld = running?.at === at && version === running.from;
    const isNew =
      running?.target === at
        ? version === at.current
        : running !== undefined && version === running.to;
    if (!forced && (at.current === version || isOld || isNew)) return 'in_use';
    if (running !== undefined && isNew) {
      if (isMovedByName(running)) return 'in_use';
      if (running.state === 'CURRENT') at.makeCurrent(running.from);
      finish(running, 'ROLLED_BACK');
    } else if (running !== undefined && isOld) {
      if (running.state !== 'CURRENT') return 'in_use';
      finish(running, 'COMPLETED');
    }
    at.end(version, type === 'revoke' ? 'revoked' : 'destroyed');
    return undefined;
  }

  #start(at: Place, to: number | undefined): string | undefined {
    const target = to === undefined ? this.other(at) : undefined;
    if (this.running(at) !== undefined) return 'conflict';
    if (at.current === undefined) return 'version_unusable';
    if (to !== undefined) {
      if (to > at.last) return 'not_found';
      if (at.ended.has(to) || to === at.current) return 'version_unusable';
    } else if (target !== undefined) {
      if (this.running(target) !== undefined) return 'conflict';
      if (target.current === undefined) return 'version_unusable';
    }
    const begun = { at, target, from: at.current, to, id: '', paused: false };
    this.cutovers.push({ ...begun, state: 'PENDING', step: 0 });
    return undefined;
  }

  #onCutover(
    cutover: ModelCutover | undefined,
    step: Exclude<Step, { type: 'add' | 'activate' | 'rollback' | 'start' | 'startByName' }>,
  ): string | undefined {
    if (cutover === undefined) return 'none';
    if (step.type === 'complete' && cutover.state === 'COMPLETED') return undefined;
    if (step.type === 'rollbackCutover' && cutover.state === 'ROLLED_BACK') return undefined;
    if (!isRunning(cutover.state)) return 'conflict';
    if ('stale' in step && step.stale) return 'conflict';
    const isHeldUp = 'bySystem' in step && step.bySystem && cutover.paused;
    if (isHeldUp && step.type !== 'rollbackCutover') return 'conflict';
    switch (step.type) {
      case 'pause':
      case 'resume':
        cutover.paused = step.type === 'pause';
        return undefined;
      case 'rollbackCutover':
        if (cutover.state === 'CURRENT') move(cutover, cutover.from);
        finish(cutover, 'ROLLED_BACK');
        return undefined;
      case 'complete':
        if (cutover.state !== 'CURRENT') move(cutover, cutover.to);
        finish(cutover, 'COMPLETED');
        return undefined;
      case 'advance':
        if (cutover.state === 'CURRENT') return 'conflict';
        if (cutover.state === 'CANARY') cutover.step++;
        cutover.state = cutover.step === LAST_STEP ? 'CURRENT' : 'CANARY';
        if (cutover.state === 'CURRENT') move(cutover, cutover.to);
        return undefined;
      default:
        return undefined;
    }
  }
}

export function isRunning(state: CutoverState): boolean {
  return state !== 'COMPLETED' && state !== 'ROLLED_BACK';
}

function isMovedByName({ target, state }: ModelCutover): boolean {
  return target !== undefined && state === 'CURRENT';
}

function move({ at, target }: ModelCutover, version: number | undefined): void {
  if (target === undefined && version !== undefined) at.makeCurrent(version);
}

function finish(cutover: ModelCutover, state: 'COMPLETED' | 'ROLLED_BACK'): void {
  cutover.state = state;
  cutover.paused = false;
  if (state === 'COMPLETED') cutover.step = LAST_STEP;
}
