import type { AlertFinding, AlertStore, UsageDelta } from '../core/index.js';
import { CountWindow } from './count-window.js';
import { isRepeated, REFUSALS_WINDOW_MS, reportUpstreamRefusals } from './judge-refusals.js';
import { RepeatedCounts } from './repeated-counts.js';

/** More versions on routes than are refused at once. */
const MOST_PLACES = 10_000;

/** Counts what upstreams refuse, by version and route, from what is written as usage. */
export class UpstreamRefusals {
  readonly #refused = new RepeatedCounts(REFUSALS_WINDOW_MS, MOST_PLACES);
  readonly #requests = new CountWindow(REFUSALS_WINDOW_MS, MOST_PLACES);
  /** Where something was refused in the window: only there other requests count. */
  #watched: ReadonlySet<string> = new Set();

  add(deltas: readonly UsageDelta[], nowMs: number): void {
    for (const delta of deltas) {
      const { count } = delta;
      const isRefused = delta.outcome === 'refused';
      if (!isRefused && this.#watched.size === 0) continue;
      const key = keyOf(delta);
      if (isRefused) this.#refused.add(key, count, nowMs);
      if (isRefused || this.#watched.has(key)) this.#requests.add(key, count, nowMs);
    }
  }

  /** What is repeated and goes on. */
  async findings(store: Pick<AlertStore, 'secretNames'>, nowMs: number): Promise<AlertFinding[]> {
    this.#watched = new Set(this.#refused.sums(nowMs).keys());
    const requests = this.#watched.size === 0 ? undefined : this.#requests.sums(nowMs);
    const repeated = this.#refused
      .take(nowMs, (refused, key) =>
        isRepeated({ refused, requests: requests?.get(key) ?? refused }),
      )
      .filter(({ fresh }) => fresh > 0)
      .map(({ key, fresh }) => ({ place: placeOf(key), fresh }));
    if (repeated.length === 0) return [];
    const names = await store.secretNames(repeated.map(({ place }) => place.secretId));
    return repeated.flatMap(({ place, fresh }) => {
      const secret = names.get(place.secretId);
      return secret === undefined
        ? []
        : [reportUpstreamRefusals({ ...place, secret }, fresh, nowMs)];
    });
  }
}

function keyOf({ secretId, environment, version, route }: UsageDelta): string {
  return [secretId, environment, version, route].join(' ');
}

/** Names cannot hold a space; a route's may. */
function placeOf(key: string) {
  const [secretId = '', environment = '', version = '', ...route] = key.split(' ');
  return { secretId, environment, version: Number(version), route: route.join(' ') };
}
