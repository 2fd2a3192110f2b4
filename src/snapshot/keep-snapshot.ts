import type {
  Change,
  Plan,
  ResolvedValue,
  Route,
  RoutesDocument,
  RoutesRevision,
  Snapshot,
  Store,
  Telemetry,
  Tokens,
  ValueReference,
} from '../core/index.js';
import { type CompiledRoutes, compileRoutes } from './compile-routes.js';
import { type PlanSource, renderPlan } from './render-plan.js';
import { TokenDirectory } from './token-directory.js';

type Facts = Pick<
  Store,
  'latestChange' | 'changesSince' | 'currentRoutes' | 'resolveValues' | 'clientCredentials'
>;

export interface SnapshotOptions {
  readonly store: Facts;
  readonly tokens: Tokens;
  readonly telemetry: Pick<Telemetry, 'statsFor' | 'echo'>;
  /** Serve only these environments; undefined = all. */
  readonly environments?: readonly string[] | undefined;
  /** Routes that exist without a document: the example of the quickstart. */
  readonly builtinRoutes?: readonly Route[] | undefined;
  /** Called when the routes of the snapshot are new, before anyone waiting for it goes on. */
  readonly onRoutes?: ((snapshot: Snapshot) => void) | undefined;
}

/** Keeps the snapshot in step with the store. */
export interface SnapshotKeeper {
  /** The newest snapshot. Never blocks. */
  current(): Snapshot;
  /**
   * Resolves when `current()` includes every change that was committed before the call. Throws what the
   * store throws; the last good snapshot stays.
   */
  catchUp(): Promise<void>;
}

/** Where a plan stands that names a secret: its route's index, and its place among the route's sources. */
type PlanPosition = readonly [route: number, source: number, environment: string];

/** Loads the first snapshot. Only values that a served route names are opened. */
export async function createSnapshotKeeper(options: SnapshotOptions): Promise<SnapshotKeeper> {
  const keeper = new Keeper(options);
  await keeper.catchUp();
  return keeper;
}

class Keeper implements SnapshotKeeper {
  readonly #options: SnapshotOptions;
  readonly #served: ReadonlySet<string> | undefined;
  readonly #clients: TokenDirectory;
  #snapshot: Snapshot | undefined;
  #compiled: CompiledRoutes | undefined;
  #positions = new Map<string, PlanPosition[]>();
  /** The run under way, and the one that starts after it: a caller's changes may be too new for the first. */
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(options: SnapshotOptions) {
    this.#options = options;
    this.#served = options.environments === undefined ? undefined : new Set(options.environments);
    this.#clients = new TokenDirectory(options.tokens);
  }

  current(): Snapshot {
    if (this.#snapshot === undefined) throw new Error('the first snapshot is not loaded');
    return this.#snapshot;
  }

  catchUp(): Promise<void> {
    if (this.#running === undefined) return this.#start();
    this.#next ??= this.#running
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined;
        return this.#start();
      });
    return this.#next;
  }

  #start(): Promise<void> {
    const run = this.#apply().finally(() => {
      if (this.#running === run) this.#running = undefined;
    });
    this.#running = run;
    return run;
  }

  async #apply(): Promise<void> {
    const { store } = this.#options;
    if (this.#snapshot === undefined) return this.#loadAll();
    const changes = await store.changesSince(this.#snapshot.seq);
    if (changes === undefined) return this.#loadAll();
    const last = changes.at(-1);
    if (last === undefined) return;
    await this.#applyClients(changes);
    if (changes.some(({ kind }) => kind === 'routes')) {
      await this.#loadRoutes(last.seq);
    } else {
      await this.#applyVersions(changes, last.seq, this.#snapshot);
    }
  }

  async #loadAll(): Promise<void> {
    const { store } = this.#options;
    // Read before the facts: what changes while they are read is applied again, which is harmless.
    const seq = await store.latestChange();
    const credentials = await store.clientCredentials();
    this.#clients.replaceAll(credentials.filter(({ environment }) => this.#serves(environment)));
    await this.#loadRoutes(seq);
  }

  async #loadRoutes(seq: number): Promise<void> {
    const { store, builtinRoutes = [], telemetry } = this.#options;
    const revision: RoutesRevision | undefined = await store.currentRoutes();
    const document: RoutesDocument = revision?.document ?? { routes: [] };
    const compiled = compileRoutes(
      document,
      builtinRoutes,
      this.#served,
      telemetry,
      this.#compiled,
    );
    const all = compiled.sources.flat();
    const resolve = await this.#resolver(all);
    const plans = compiled.sources.map((sources) => this.#render(sources, resolve));
    this.#compiled = compiled;
    this.#positions = positionsOf(compiled);
    this.#publish({
      seq,
      routesRevision: revision?.revision,
      table: compiled.table,
      plans,
      clients: this.#clients,
    });
  }

  async #applyClients(changes: readonly Change[]): Promise<void> {
    const ids = new Set<string>();
    for (const change of changes) if (change.kind === 'client') ids.add(change.clientId);
    if (ids.size === 0) return;
    const found = await this.#options.store.clientCredentials([...ids]);
    const byId = new Map(found.map((credential) => [credential.id, credential]));
    for (const id of ids) {
      const credential = byId.get(id);
      const served = credential !== undefined && this.#serves(credential.environment);
      this.#clients.replace(id, served ? credential : undefined);
    }
  }

  /** Renders only the plans that name a changed value. */
  async #applyVersions(changes: readonly Change[], seq: number, before: Snapshot): Promise<void> {
    const affected = new Map<number, Set<number>>();
    for (const change of changes) {
      // A deleted secret is gone from every environment; a version changes one.
      if (change.kind !== 'version' && change.kind !== 'secret') continue;
      for (const [route, source, environment] of this.#positions.get(change.secret) ?? []) {
        if (change.kind === 'version' && change.environment !== environment) continue;
        const positions = affected.get(route) ?? new Set();
        affected.set(route, positions.add(source));
      }
    }
    if (affected.size === 0) {
      this.#publish({ ...before, seq });
      return;
    }
    const sourcesOf = (route: number): readonly PlanSource[] =>
      this.#compiled?.sources[route] ?? [];
    const sources = [...affected].flatMap(([route, positions]) =>
      sourcesOf(route).filter((_, position) => positions.has(position)),
    );
    const resolve = await this.#resolver(sources);
    const plans = [...before.plans];
    for (const [route, positions] of affected) {
      const changed = sourcesOf(route).filter((_, position) => positions.has(position));
      plans[route] = new Map([...(before.plans[route] ?? []), ...this.#render(changed, resolve)]);
    }
    this.#publish({ ...before, seq, plans });
  }

  async #resolver(
    sources: readonly PlanSource[],
  ): Promise<(reference: ValueReference) => ResolvedValue> {
    const references = new Map<string, ValueReference>();
    for (const source of sources) {
      for (const reference of source.references) references.set(referenceKey(reference), reference);
    }
    const resolved = await this.#options.store.resolveValues([...references.values()]);
    const byKey = new Map([...references.keys()].map((key, index) => [key, resolved[index]]));
    return (reference) => byKey.get(referenceKey(reference)) ?? { status: 'missing' };
  }

  #render(
    sources: readonly PlanSource[],
    resolve: (reference: ValueReference) => ResolvedValue,
  ): ReadonlyMap<string, Plan> {
    const plans = new Map<string, Plan>();
    for (const source of sources) {
      const plan = renderOrFail(source, resolve);
      plans.set(plan.environment, plan);
      this.#tellShortValues(plan);
    }
    return plans;
  }

  /** An upstream could give them back unseen: that must not go unsaid. */
  #tellShortValues({ route, environment, scrub }: Plan): void {
    if (scrub === undefined || scrub.tooShort.length === 0) return;
    this.#options.telemetry.echo({
      kind: 'too_short',
      action: undefined,
      route,
      environment,
      secrets: scrub.tooShort,
      requestId: undefined,
      client: undefined,
    });
  }

  #publish(snapshot: Snapshot): void {
    const newRoutes = this.#snapshot?.table !== snapshot.table;
    this.#snapshot = snapshot;
    if (newRoutes) this.#options.onRoutes?.(snapshot);
  }

  #serves(environment: string): boolean {
    return this.#served === undefined || this.#served.has(environment);
  }
}

/** A plan that cannot be made fails its own requests, and holds up no change of the others. */
function renderOrFail(
  source: PlanSource,
  resolve: (reference: ValueReference) => ResolvedValue,
): Plan {
  try {
    return renderPlan(source, resolve);
  } catch {
    const { route, environment } = source.effective;
    const detail = `Route "${route}" could not be prepared in environment "${environment}". Nothing was sent.`;
    const plan = renderPlan(source, () => ({ status: 'missing' }));
    return { ...plan, failure: { code: 'internal_error', detail } };
  }
}

/** By secret. */
function positionsOf(compiled: CompiledRoutes): Map<string, PlanPosition[]> {
  const positions = new Map<string, PlanPosition[]>();
  compiled.sources.forEach((sources, route) => {
    sources.forEach(({ references, effective }, source) => {
      for (const secret of new Set(references.map((reference) => reference.secret))) {
        const position: PlanPosition = [route, source, effective.environment];
        const known = positions.get(secret);
        if (known === undefined) positions.set(secret, [position]);
        else known.push(position);
      }
    });
  });
  return positions;
}

/** Names cannot hold a space. */
function referenceKey({ secret, environment, version }: ValueReference): string {
  return `${environment} ${secret} ${version ?? ''}`;
}
