import type { SecretUse } from '../core/index.js';
import type { Exchange } from './exchange.js';

/** A connection that was upgraded, or is about to be: it lives as long as both sides want. */
export interface UpgradedConnection {
  readonly clientId: string;
  readonly environment: string;
  /** What was placed when it began. */
  readonly uses: readonly SecretUse[];
  /** Closes it towards both sides. */
  end(): void;
}

/** The upgraded connections of a listener: the HTTP server no longer knows their sockets. */
export class UpgradedConnections {
  readonly #exchanges = new Set<Exchange>();

  add(exchange: Exchange): void {
    this.#exchanges.add(exchange);
  }

  delete(exchange: Exchange): void {
    this.#exchanges.delete(exchange);
  }

  endAll(): void {
    for (const exchange of [...this.#exchanges]) exchange.abandon();
  }

  /** Those that carry something that was placed for a client. */
  list(): UpgradedConnection[] {
    const found: UpgradedConnection[] = [];
    for (const exchange of this.#exchanges) {
      const { plan, clientId } = exchange;
      if (plan === undefined) continue;
      const { environment, uses } = plan;
      found.push({ clientId, environment, uses, end: () => exchange.abandon() });
    }
    return found;
  }
}
