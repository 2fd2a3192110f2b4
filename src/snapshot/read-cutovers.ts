import type { Store } from '../core/index.js';
import { originsBefore } from './origins-before.js';
import { type PlanCutover, RunningCutovers, toPlanCutover } from './running-cutovers.js';
import type { TokenDirectory } from './token-directory.js';

type Facts = Pick<Store, 'runningCutovers' | 'listRevisions' | 'getRevision'>;

/** Reads which cutovers are under way, and what else plans must know of them. */
export class CutoverReader {
  readonly #store: Facts;
  readonly #clients: TokenDirectory;
  /** By the id of a cutover by name. */
  #origins = new Map<string, ReadonlyMap<string, string>>();

  constructor(store: Facts, clients: TokenDirectory) {
    this.#store = store;
    this.#clients = clients;
  }

  /** Throws what the store throws. */
  async read(): Promise<RunningCutovers> {
    const all: PlanCutover[] = [];
    const origins = new Map<string, ReadonlyMap<string, string>>();
    for (const cutover of (await this.#store.runningCutovers()).toReversed()) {
      const { id, settings, toSecret, state } = cutover;
      const clients = settings.clients === null ? undefined : this.#clients.idsOf(settings.clients);
      if (toSecret !== null && state === 'CURRENT') {
        origins.set(id, this.#origins.get(id) ?? (await originsBefore(this.#store, cutover)));
      }
      all.push(toPlanCutover(cutover, clients, origins.get(id)));
    }
    this.#origins = origins;
    return new RunningCutovers(all);
  }
}
