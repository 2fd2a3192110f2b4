import {
  AppError,
  type Cutover,
  type CutoverObservation,
  type Prober,
  type Store,
} from '../core/index.js';
import type { CutoverGround, ProbeFinding, RouteProbe } from './cutover-ground.js';
import { probeVersions } from './probe-versions.js';
import { type RecentFigures, RecentWindow } from './recent-figures.js';

/** Upstreams count requests, and some ask money for them: a quiet secret is no reason for a storm. */
const PROBE_EVERY_MS = 10_000;

interface ProbeOrder {
  readonly cutover: Cutover;
  readonly ground: CutoverGround;
  readonly prober: Prober;
  readonly store: Pick<Store, 'recordUsage'>;
  readonly nowMs: number;
  readonly onError: (error: unknown) => void;
  readonly isClosed: () => boolean;
}

/**
 * What an engine remembers of a cutover from tick to tick. Nothing of it is needed: without it a cutover waits or
 * probes a little longer.
 */
export class WatchedCutover {
  readonly #expectedClients: ReadonlySet<string>;
  #place = '';
  #recent: RecentWindow | undefined;
  #probe: ProbeFinding | undefined;
  #probedAtMs: number | undefined;
  #isProbing = false;
  #probes = 0;

  constructor(expectedClients: ReadonlySet<string>) {
    this.#expectedClients = expectedClients;
  }

  /** What a decision needs to know besides the store. Each step begins anew. */
  lookAt(
    { state, step, settings }: Cutover,
    observations: readonly CutoverObservation[],
    nowMs: number,
  ): {
    readonly recent: RecentFigures;
    readonly probe: ProbeFinding | undefined;
    readonly expectedClients: ReadonlySet<string>;
  } {
    const place = `${state} ${step}`;
    if (place !== this.#place) {
      this.#place = place;
      this.#recent = undefined;
      this.#probe = undefined;
    }
    this.#recent ??= new RecentWindow(settings.stepMinSeconds);
    const recent = this.#recent.take(
      observations.filter((one) => one.step === step),
      nowMs,
    );
    return { recent, probe: this.#probe, expectedClients: this.#expectedClients };
  }

  /** Begins to probe, unless that is under way or was done a moment ago. Its result is seen by a later tick. */
  probe(order: ProbeOrder): void {
    const { nowMs, onError } = order;
    const elapsedMs = nowMs - (this.#probedAtMs ?? Number.NEGATIVE_INFINITY);
    if (this.#isProbing || (elapsedMs >= 0 && elapsedMs < PROBE_EVERY_MS)) return;
    this.#isProbing = true;
    this.#probedAtMs = nowMs;
    const place = this.#place;
    const probing = order.cutover.state === 'PENDING' ? this.#tryAll(order) : this.#tryNext(order);
    probing
      .then((finding) => {
        if (place === this.#place) this.#probe = finding;
      }, onError)
      .finally(() => {
        this.#isProbing = false;
      });
  }

  /** Before any other request: every route that can be probed; a refusal must be said twice. */
  async #tryAll(order: ProbeOrder): Promise<ProbeFinding | undefined> {
    let found: ProbeFinding | undefined;
    for (const probe of order.ground.probes) {
      let finding = await this.#try(order, probe);
      if (finding?.finding === 'refused') finding = await this.#try(order, probe);
      if (finding?.finding === 'refused') return finding;
      if (found?.finding !== 'accepted') found = finding ?? found;
    }
    return found;
  }

  /** One route after the other, each time the next. */
  async #tryNext(order: ProbeOrder): Promise<ProbeFinding | undefined> {
    const { probes } = order.ground;
    const probe = probes[this.#probes++ % probes.length];
    return probe === undefined ? undefined : this.#try(order, probe);
  }

  async #try(order: ProbeOrder, probe: RouteProbe): Promise<ProbeFinding | undefined> {
    const { cutover, prober, store, isClosed } = order;
    if (isClosed()) return undefined;
    try {
      const { finding, deltas } = await probeVersions(cutover, probe, prober);
      if (deltas.length > 0 && !isClosed()) await store.recordUsage([], deltas);
      return finding;
    } catch (error) {
      // A route or version that is gone: the next tick sees why.
      const isGone =
        error instanceof AppError &&
        (error.code === 'route_not_found' || error.code === 'not_found');
      if (!isGone && !isClosed()) throw error;
      return { finding: 'unclear', route: probe.route, status: 0 };
    }
  }
}
