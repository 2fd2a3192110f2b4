import { nearestName } from '../core/index.js';
import { CommandFailure } from './command-failure.js';

interface TokenHolder {
  readonly id: string;
  readonly name: string;
  readonly revokedAt: string | null;
}

/** The client or admin with this id, or the one not revoked with this name. */
export function findByName<T extends TokenHolder>(
  holders: readonly T[],
  nameOrId: string,
  what: 'client' | 'admin',
): T {
  const byId = holders.find((holder) => holder.id === nameOrId);
  if (byId !== undefined) return byId;
  const active = holders.filter((holder) => holder.revokedAt === null);
  const [first, ...others] = active.filter((holder) => holder.name === nameOrId);
  if (first === undefined) {
    const nearest = nearestName(nameOrId, new Set(active.map((holder) => holder.name)));
    const revoked = holders.some((holder) => holder.name === nameOrId);
    const why = revoked
      ? `the ${what} ${nameOrId} is revoked already`
      : `no ${what} is named ${nameOrId}`;
    throw new CommandFailure(nearest === undefined ? why : `${why}; did you mean ${nearest}?`, {
      hints: [`See: keyferry ${what}s list`],
    });
  }
  if (others.length > 0) {
    const ids = [first, ...others].map((holder) => holder.id).join(', ');
    throw new CommandFailure(`several ${what}s are named ${nameOrId}: name one by its id`, {
      hints: [`Ids: ${ids}`],
    });
  }
  return first;
}
