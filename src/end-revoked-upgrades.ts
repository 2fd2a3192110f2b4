/** A WebSocket outlives the request that opened it: a revocation ends it. */
import type { Snapshot, Store, ValueReference } from './core/index.js';
import type { ProxyListener } from './proxy/index.js';

interface Parts {
  readonly snapshot: () => Snapshot;
  readonly store: Pick<Store, 'missingValues'>;
  readonly proxy: () => Pick<ProxyListener, 'upgraded'> | undefined;
}

/**
 * Makes a check that closes upgraded connections whose client was revoked, or for which a version was placed
 * that has since been revoked or destroyed. It looks only when the snapshot is newer than at its last success,
 * and throws what the store throws.
 */
export function endRevokedUpgrades({ snapshot, store, proxy }: Parts): () => Promise<void> {
  let checkedSeq = -1;
  return async () => {
    const { seq, clients } = snapshot();
    if (seq === checkedSeq) return;
    const connections = proxy()?.upgraded() ?? [];
    const references = new Map<string, ValueReference>();
    for (const { environment, uses } of connections) {
      for (const { secret, version } of uses) {
        references.set(keyOf(environment, secret, version), { secret, environment, version });
      }
    }
    const missing =
      references.size === 0 ? [] : await store.missingValues([...references.values()]);
    const ended = new Set(
      missing.map(({ environment, secret, version }) => keyOf(environment, secret, version ?? 0)),
    );
    for (const connection of connections) {
      const { clientId, environment, uses } = connection;
      const usable = uses.every(
        ({ secret, version }) => !ended.has(keyOf(environment, secret, version)),
      );
      if (!usable || !clients.holds(clientId)) connection.end();
    }
    checkedSeq = seq;
  };
}

/** Names cannot hold a space. */
function keyOf(environment: string, secret: string, version: number): string {
  return `${environment} ${secret} ${version}`;
}
