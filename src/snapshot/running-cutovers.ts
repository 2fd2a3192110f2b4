import type { Cutover, CutoverSide, SecretReference } from '../core/index.js';
import type { PlanSource } from './render-plan.js';

/** A cutover that is under way, as plans meet it. */
export interface PlanCutover {
  readonly cutover: Cutover;
  /** The secret that plans name. */
  readonly named: string;
  /** The version of it that they have; undefined = whichever is current. */
  readonly ownVersion: number | undefined;
  /** What stands in the place of `named` in the other plan: a version, or what is current. */
  readonly other: { readonly secret: string; readonly version: number | undefined };
  readonly otherSide: CutoverSide;
  /** Share of the requests that take the other plan first, 0 to 1. */
  readonly share: number;
  /** Ids of the clients that may take it first; undefined = all. */
  readonly clients: ReadonlySet<string> | undefined;
  /** By name, in the window: the upstream's origin of each route that named the old secret before, by route. */
  readonly originsBefore: ReadonlyMap<string, string> | undefined;
}

/** What a cutover means to plans in its state. Before `CANARY` no request takes the other plan. */
export function toPlanCutover(
  cutover: Cutover,
  clients: ReadonlySet<string> | undefined,
  originsBefore: ReadonlyMap<string, string> | undefined,
): PlanCutover {
  const { secret, fromVersion, toSecret, settings, state, step } = cutover;
  const toVersion = cutover.toVersion ?? undefined;
  const old = { secret, version: fromVersion };
  if (state === 'CURRENT') {
    return {
      cutover,
      named: toSecret ?? secret,
      ownVersion: toVersion,
      other: old,
      otherSide: 'old',
      share: 0,
      clients: undefined,
      originsBefore: toSecret === null ? undefined : (originsBefore ?? new Map()),
    };
  }
  return {
    cutover,
    named: secret,
    ownVersion: fromVersion,
    other: { secret: toSecret ?? secret, version: toVersion },
    otherSide: 'new',
    share: state === 'CANARY' ? Math.min(1, (settings.steps[step] ?? 0) / 100) : 0,
    clients,
    originsBefore: undefined,
  };
}

/** The cutovers of one snapshot, by what plans name. Newest first. */
export class RunningCutovers {
  readonly all: readonly PlanCutover[];
  readonly #byName = new Map<string, PlanCutover[]>();

  constructor(all: readonly PlanCutover[]) {
    this.all = all;
    for (const one of all) {
      const key = keyOf(one.named, one.cutover.environment);
      const known = this.#byName.get(key);
      if (known === undefined) this.#byName.set(key, [one]);
      else known.push(one);
    }
  }

  /** Those that are meant for certain clients only. */
  get ofClients(): readonly PlanCutover[] {
    return this.all.filter(({ clients }) => clients !== undefined);
  }

  find(id: string): PlanCutover | undefined {
    return this.all.find(({ cutover }) => cutover.id === id);
  }

  /** Those that a plan takes part in: it names their secret without a version, and they are meant for its route. */
  of(source: PlanSource): readonly PlanCutover[] {
    if (this.all.length === 0) return NONE;
    const found = source.references.flatMap(({ secret, environment, version }) =>
      version === undefined ? (this.#byName.get(keyOf(secret, environment)) ?? NONE) : NONE,
    );
    const meant = found.filter((one) => isMeantFor(one, source));
    return meant.length < 2 ? meant : this.all.filter((one) => meant.includes(one));
  }

  /** Other secrets whose plans change with this one's versions. */
  partnersOf(secret: string, environment: string | undefined): string[] {
    return this.all.flatMap(({ cutover }) => {
      const { toSecret } = cutover;
      if (toSecret === null || (environment ?? cutover.environment) !== cutover.environment) {
        return [];
      }
      if (secret === cutover.secret) return [toSecret];
      return secret === toSecret ? [cutover.secret] : [];
    });
  }
}

const NONE: readonly PlanCutover[] = [];

/**
 * Before the last step only the routes that the cutover says. In the window of one by name, only routes that sent
 * the old secret to the same place before: no other upstream is to see it because it refuses the new one.
 */
function isMeantFor(
  { cutover, otherSide, originsBefore }: PlanCutover,
  { effective: { route, upstream } }: PlanSource,
): boolean {
  if (otherSide === 'old') {
    return originsBefore === undefined || originsBefore.get(route) === upstream.origin;
  }
  return cutover.settings.routes?.includes(route) ?? true;
}

/** Puts the other version, or the other secret, in the place of what a route names without a version. */
export function replacing(
  named: string,
  { secret, version }: PlanCutover['other'],
): (reference: SecretReference) => SecretReference {
  return (reference) =>
    reference.name === named && reference.version === undefined
      ? { ...reference, name: secret, version }
      : reference;
}

/** Names cannot hold a space. */
function keyOf(secret: string, environment: string): string {
  return `${environment} ${secret}`;
}
