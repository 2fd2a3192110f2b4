import {
  AppError,
  type Plan,
  type PlanToTry,
  type ProbedVersion,
  type SecretReference,
  type Store,
  type Telemetry,
  type ValueReference,
} from '../core/index.js';
import { describePlaced } from './describe-placed.js';
import { searchForBoth } from './placed-values.js';
import type { PlanSource, Resolve } from './render-plan.js';
import { renderOrFail, renderTrials } from './render-trials.js';
import { type RunningCutovers, replacing } from './running-cutovers.js';

/** Opens the values that plans need, and fills the plans with them. */
export class PlanRenderer {
  readonly #store: Pick<Store, 'resolveValues'>;
  readonly #telemetry: Pick<Telemetry, 'echo'>;
  /** Why plans cannot place the new version of a cutover, by its id. */
  readonly #failures = new WeakMap<Plan, ReadonlyMap<string, Plan['failure']>>();

  constructor(store: Pick<Store, 'resolveValues'>, telemetry: Pick<Telemetry, 'echo'>) {
    this.#store = store;
    this.#telemetry = telemetry;
  }

  /** By route as given, then by environment. Throws what the store throws. */
  async render<R>(
    routes: readonly (readonly [R, readonly PlanSource[]])[],
    running: RunningCutovers,
  ): Promise<(readonly [R, ReadonlyMap<string, Plan>])[]> {
    const sources = routes.flatMap(([, ofRoute]) => ofRoute);
    const resolve = await this.#resolver(referencesOf(sources, running));
    return routes.map(([route, ofRoute]) => {
      const plans = ofRoute.map((source) => this.#render(source, running, resolve));
      return [route, new Map(plans.map((plan) => [plan.environment, plan]))];
    });
  }

  /** Why the plan cannot place the new version of a cutover while it can place the old one. */
  failureOf(plan: Plan, cutoverId: string): Plan['failure'] {
    return this.#failures.get(plan)?.get(cutoverId);
  }

  /** One plan with another version in place. Throws `not_found`, and what the store throws. */
  async renderWith(
    source: PlanSource,
    probed: ProbedVersion,
    running: RunningCutovers,
  ): Promise<Plan> {
    const { reference, replace } = replacementOf(source, probed, running);
    const resolve = await this.#resolver([...source.references, reference]);
    requireVersion(reference, resolve);
    return renderOrFail(source, resolve, replace);
  }

  /**
   * The plan for one request of a person, with another version in place where `probed` says so: its responses are
   * searched for what it places and for what other requests of the route place now, whatever the route says. Throws as
   * `renderWith` does.
   */
  async renderToTry(
    source: PlanSource,
    probed: ProbedVersion | undefined,
    running: RunningCutovers,
  ): Promise<PlanToTry> {
    const searched: PlanSource = {
      ...source,
      effective: { ...source.effective, echoScrub: 'mask' },
    };
    const other = probed === undefined ? undefined : replacementOf(source, probed, running);
    const references = referencesOf([source], running);
    const resolve = await this.#resolver(
      other === undefined ? references : [...references, other.reference],
    );
    const now = this.#withTrials(searched, renderOrFail(searched, resolve), running, resolve);
    if (other === undefined) {
      const placed = describePlaced(source, resolve, (reference) => reference);
      return { plan: { ...now, trials: undefined }, placed };
    }
    requireVersion(other.reference, resolve);
    const plan = renderOrFail(searched, resolve, other.replace);
    return {
      plan: { ...plan, scrub: searchForBoth(plan.scrub, now.scrub) },
      placed: describePlaced(source, resolve, other.replace),
    };
  }

  #render(source: PlanSource, running: RunningCutovers, resolve: Resolve): Plan {
    const own = renderOrFail(source, resolve);
    this.#tellShortValues(own);
    const plan = this.#withTrials(source, own, running, resolve);
    for (const { other } of plan.trials ?? []) this.#tellShortValues(other);
    return plan;
  }

  #withTrials(source: PlanSource, plan: Plan, running: RunningCutovers, resolve: Resolve): Plan {
    const cutovers = running.of(source);
    if (cutovers.length === 0) return plan;
    const { trials, failures } = renderTrials(source, plan, cutovers, resolve);
    const scrub = (trials ?? []).reduce(
      (found, { other }) => searchForBoth(found, other.scrub),
      plan.scrub,
    );
    const tried = { ...plan, scrub, trials };
    if (failures.size > 0) this.#failures.set(tried, failures);
    return tried;
  }

  /** An upstream could give them back unseen: that must not go unsaid. */
  #tellShortValues({ route, environment, scrub }: Plan): void {
    if (scrub === undefined || scrub.tooShort.length === 0) return;
    this.#telemetry.echo({
      kind: 'too_short',
      action: undefined,
      route,
      environment,
      secrets: scrub.tooShort,
      requestId: undefined,
      client: undefined,
    });
  }

  async #resolver(wanted: readonly ValueReference[]): Promise<Resolve> {
    const references = new Map(wanted.map((reference) => [referenceKey(reference), reference]));
    const resolved = await this.#store.resolveValues([...references.values()]);
    const byKey = new Map([...references.keys()].map((key, index) => [key, resolved[index]]));
    return (reference) => byKey.get(referenceKey(reference)) ?? { status: 'missing' };
  }
}

interface Replacement {
  readonly reference: ValueReference;
  readonly replace: (reference: SecretReference) => SecretReference;
}

/** What stands where to try a version. Throws `not_found` where the route does not place the secret. */
function replacementOf(
  source: PlanSource,
  { secret, version, toSecret }: ProbedVersion,
  running: RunningCutovers,
): Replacement {
  const { route, environment } = source.effective;
  const names = (name: string): boolean =>
    source.references.some((one) => one.secret === name && one.version === undefined);
  // After the last step of a cutover by name the route names the new secret in the place of the old one.
  const ofCutovers = running.of(source).filter(({ cutover }) => cutover.secret === secret);
  const candidates = [secret, toSecret ?? secret, ...ofCutovers.map(({ named }) => named)];
  const named = candidates.find(names);
  if (named === undefined) {
    const detail = `The route "${route}" places no "${secret}" in environment "${environment}", or only versions that it pins.`;
    throw new AppError('not_found', detail);
  }
  const other = { secret: toSecret ?? secret, version: version ?? undefined };
  return { reference: { ...other, environment }, replace: replacing(named, other) };
}

/** Throws `not_found` where a version is named that there is not. */
function requireVersion(reference: ValueReference, resolve: Resolve): void {
  const { secret, version, environment } = reference;
  if (version === undefined || resolve(reference).status !== 'missing') return;
  throw new AppError('not_found', `"${secret}" has no version ${version} in ${environment}.`);
}

/** What the plans themselves name, and what cutovers put in its place. */
function referencesOf(
  sources: readonly PlanSource[],
  running: RunningCutovers,
): readonly ValueReference[] {
  return sources.flatMap((source) => {
    const { environment } = source.effective;
    const others = running.of(source).map(({ other }) => ({ ...other, environment }));
    return others.length === 0 ? source.references : [...source.references, ...others];
  });
}

/** Names cannot hold a space. */
function referenceKey({ secret, environment, version }: ValueReference): string {
  return `${environment} ${secret} ${version ?? ''}`;
}
