import {
  AppError,
  type Change,
  type Plan,
  type PlanToTry,
  type Probe,
  type ProbedVersion,
  type Route,
  type RoutesDocument,
  type RoutesRevision,
  type Snapshot,
  type Store,
  type Telemetry,
  type Tokens,
} from '../core/index.js';
import { type CompiledRoutes, compileRoutes } from './compile-routes.js';
import { PlanPositions } from './plan-positions.js';
import { PlanRenderer } from './plan-renderer.js';
import { CutoverReader } from './read-cutovers.js';
import type { PlanSource } from './render-plan.js';
import { RunningCutovers } from './running-cutovers.js';
import { TokenDirectory } from './token-directory.js';

type Facts = Pick<
  Store,
  | 'latestChange'
  | 'changesSince'
  | 'currentRoutes'
  | 'listRevisions'
  | 'getRevision'
  | 'resolveValues'
  | 'clientCredentials'
  | 'runningCutovers'
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
  /** The plan of every request of a route, as of `current()`; undefined where it is not served. */
  planOf(route: string, environment: string): Plan | undefined;
  /** The routes that take part in a cutover, as of `current()`; none where it is not under way. */
  partsOf(cutoverId: string): readonly CutoverPart[];
  /**
   * The plan for one request of a route that tries a version, which is opened for it alone; without `probed` that of
   * every request. Throws `route_not_found`, and `not_found` where the route does not name the secret or there is no
   * such version.
   */
  planFor(route: string, environment: string, probed?: ProbedVersion): Promise<Plan>;
  /** The plan for a request of a person, opened for it alone; else as `planFor`. */
  planToTry(route: string, environment: string, probed?: ProbedVersion): Promise<PlanToTry>;
}

/** A route that takes part in a cutover. */
export interface CutoverPart {
  readonly route: string;
  /** How to try a credential there; undefined where the route does not say. */
  readonly probe: Probe | undefined;
  /** Set when the new version cannot be placed there, while the old one can: no request takes it. */
  readonly failure: Plan['failure'];
}

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
  #positions: PlanPositions | undefined;
  readonly #cutoverReader: CutoverReader;
  #cutovers = new RunningCutovers([]);
  readonly #renderer: PlanRenderer;
  /** The run under way, and the one that starts after it: a caller's changes may be too new for the first. */
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(options: SnapshotOptions) {
    this.#options = options;
    this.#served = options.environments === undefined ? undefined : new Set(options.environments);
    this.#clients = new TokenDirectory(options.tokens);
    this.#cutoverReader = new CutoverReader(options.store, this.#clients);
    this.#renderer = new PlanRenderer(options.store, options.telemetry);
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

  planOf(route: string, environment: string): Plan | undefined {
    return this.current().plans[this.#indexOf(route)]?.get(environment);
  }

  partsOf(cutoverId: string): readonly CutoverPart[] {
    const running = this.#cutovers.find(cutoverId);
    if (running === undefined) return [];
    const { named, cutover } = running;
    const positions = this.#positions?.of(named, cutover.environment) ?? [];
    return positions.flatMap(({ route, source: at, environment }) => {
      const source = this.#compiled?.sources[route]?.[at];
      if (source === undefined || !this.#cutovers.of(source).includes(running)) return [];
      const plan = this.#snapshot?.plans[route]?.get(environment);
      const failure = plan && this.#renderer.failureOf(plan, cutoverId);
      return [{ route: source.effective.route, probe: source.effective.probe, failure }];
    });
  }

  async planFor(route: string, environment: string, probed?: ProbedVersion): Promise<Plan> {
    const { source, plan } = this.#find(route, environment);
    return probed === undefined ? plan : this.#renderer.renderWith(source, probed, this.#cutovers);
  }

  async planToTry(route: string, environment: string, probed?: ProbedVersion): Promise<PlanToTry> {
    const { source } = this.#find(route, environment);
    return this.#renderer.renderToTry(source, probed, this.#cutovers);
  }

  /** Throws `route_not_found`. */
  #find(route: string, environment: string): { source: PlanSource; plan: Plan } {
    const plan = this.planOf(route, environment);
    const source = this.#compiled?.sources[this.#indexOf(route)]?.find(
      ({ effective }) => effective.environment === environment,
    );
    if (plan !== undefined && source !== undefined) return { source, plan };
    const detail = `The route "${route}" does not exist in environment "${environment}".`;
    throw new AppError('route_not_found', detail);
  }

  #indexOf(route: string): number {
    return this.#compiled?.indexByName.get(route) ?? -1;
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
    const cutovers = await this.#cutoverReader.read();
    const rendered = await this.#renderer.render([...compiled.sources.entries()], cutovers);
    this.#compiled = compiled;
    this.#positions = new PlanPositions(compiled);
    this.#cutovers = cutovers;
    this.#publish({
      seq,
      routesRevision: revision?.revision,
      table: compiled.table,
      plans: rendered.map(([, plans]) => plans),
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

  /** Renders only the plans that name a changed value, or take part in a changed cutover. */
  async #applyVersions(changes: readonly Change[], seq: number, before: Snapshot): Promise<void> {
    const cutovers = changes.some((change) => this.#changesCutovers(change))
      ? await this.#cutoverReader.read()
      : this.#cutovers;
    const touched = this.#positions?.touchedBy(changes, [this.#cutovers, cutovers]);
    if (touched === undefined || touched.size === 0) {
      this.#cutovers = cutovers;
      this.#publish({ ...before, seq });
      return;
    }
    const sources = [...touched].map(([route, positions]) => {
      const all: readonly PlanSource[] = this.#compiled?.sources[route] ?? [];
      return [route, all.filter((_, at) => positions.has(at))] as const;
    });
    const plans = [...before.plans];
    for (const [route, changed] of await this.#renderer.render(sources, cutovers)) {
      plans[route] = new Map([...(before.plans[route] ?? []), ...changed]);
    }
    this.#cutovers = cutovers;
    this.#publish({ ...before, seq, plans });
  }

  #changesCutovers({ kind }: Change): boolean {
    return kind === 'cutover' || (kind === 'client' && this.#cutovers.ofClients.length > 0);
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
