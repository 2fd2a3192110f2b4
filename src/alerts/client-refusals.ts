import type { AlertFinding, AlertStore, ClientRefusal, Store } from '../core/index.js';
import {
  REFUSALS_WINDOW_MS,
  REPEATED_REFUSALS,
  reportClientRefusals,
  reportUnknownTokens,
  UNKNOWN_TOKENS,
} from './judge-refusals.js';
import { RepeatedCounts } from './repeated-counts.js';

/** Whoever guesses makes up any number of tokens. */
const MOST_TOKENS = 1000;
/** Asked of the store at once; the others have their turn a second later. */
const LOOKED_UP_AT_ONCE = 100;
const ALL = 'all';

interface RefusedClient {
  readonly id: string;
  readonly name: string;
  readonly environment: string;
}

type Clients = Pick<AlertStore, 'clientOfToken'> & Pick<Store, 'getClient'>;

/** Counts refused client tokens, by the public beginning of the token, or by the client where it is known. */
export class ClientRefusals {
  readonly #clients = new RepeatedCounts(REFUSALS_WINDOW_MS, MOST_TOKENS);
  readonly #all = new RepeatedCounts(REFUSALS_WINDOW_MS, 1);
  /** Whose the keys are that are repeated now; undefined = nobody's. */
  #known = new Map<string, RefusedClient | undefined>();

  add({ clientId, tokenId }: ClientRefusal, nowMs: number): void {
    if (clientId !== undefined) {
      this.#clients.add(`id ${clientId}`, 1, nowMs);
      return;
    }
    this.#all.add(ALL, 1, nowMs);
    if (tokenId !== undefined) this.#clients.add(`token ${tokenId}`, 1, nowMs);
  }

  /** What is repeated and goes on. */
  async findings(clients: Clients, nowMs: number): Promise<AlertFinding[]> {
    const repeated = this.#clients.take(nowMs, (sum) => sum >= REPEATED_REFUSALS);
    await this.#lookUp(repeated, clients);
    const found: AlertFinding[] = [];
    let ofClients = { sum: 0, fresh: 0 };
    for (const { key, sum, fresh } of repeated) {
      const client = this.#known.get(key);
      if (client === undefined) continue;
      if (fresh > 0) found.push(reportClientRefusals(client, fresh, nowMs));
      if (key.startsWith('id ')) continue;
      ofClients = { sum: ofClients.sum + sum, fresh: ofClients.fresh + fresh };
    }
    const [all] = this.#all.take(nowMs, (sum) => sum - ofClients.sum >= UNKNOWN_TOKENS);
    const fresh = (all?.fresh ?? 0) - ofClients.fresh;
    return fresh > 0 ? [...found, reportUnknownTokens(fresh, nowMs)] : found;
  }

  async #lookUp(repeated: readonly { readonly key: string }[], clients: Clients): Promise<void> {
    const known = new Map<string, RefusedClient | undefined>();
    let asked = 0;
    for (const { key } of repeated) {
      if (this.#known.has(key)) known.set(key, this.#known.get(key));
      else if (asked++ < LOOKED_UP_AT_ONCE) known.set(key, await ownerOf(key, clients));
    }
    this.#known = known;
  }
}

function ownerOf(key: string, clients: Clients): Promise<RefusedClient | undefined> {
  const [kind, name = ''] = key.split(' ');
  return kind === 'id' ? clients.getClient(name) : clients.clientOfToken(name);
}
