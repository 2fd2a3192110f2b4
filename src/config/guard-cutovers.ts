import { AppError, type CutoverStore, type RoutesDocument } from '../core/index.js';
import { namedIn } from './replace-secret.js';

/**
 * A cutover by name decides which of two secrets is used, and moves the routes itself. Throws `conflict` where a
 * document would bring the other one into use meanwhile. Answers whether one runs: the document is then to be applied
 * to the revision that it was compared with, and to no later one.
 */
export async function guardCutovers(
  store: Pick<CutoverStore, 'runningCutovers'>,
  before: RoutesDocument | undefined,
  after: RoutesDocument,
): Promise<boolean> {
  let found = false;
  for (const { id, secret, toSecret, environment, state } of await store.runningCutovers()) {
    if (toSecret === null) continue;
    found = true;
    const [used, other] = state === 'CURRENT' ? [toSecret, secret] : [secret, toSecret];
    const [place] = namedIn(after, other, environment);
    const known = before === undefined ? [] : namedIn(before, other, environment);
    if (place === undefined || known.length > 0) continue;
    throw new AppError(
      'conflict',
      `${place} would bring "${other}" into use in ${environment}, where cutover ${id} moves "${secret}" to ` +
        `"${toSecret}" and has "${used}" in use now. Complete it or roll it back first.`,
    );
  }
  return found;
}
