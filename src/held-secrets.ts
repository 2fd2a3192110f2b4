/** File mode: which secret is used where a routes file names one that a cutover by name does not have in use. */
import { namedIn, replaceSecret } from './config/index.js';
import type { Cutover, RoutesDocument, RoutesRevision, Store } from './core/index.js';

/** The file may name `named`; `used` takes its place in one environment. */
export interface HeldSecret {
  readonly cutoverId: string;
  readonly named: string;
  readonly used: string;
  readonly environment: string;
  /** Otherwise the cutover has not come so far yet. */
  readonly rolledBack: boolean;
}

type Facts = Pick<Store, 'listCutovers' | 'listRevisions' | 'getRevision'>;

const PAGE_LIMIT = 1000;

/**
 * What cutovers by name hold back, whatever the file says: the new secret until it is current, and one that was
 * rolled back until a file that no longer names it was applied.
 */
export async function findHeldSecrets(store: Facts): Promise<HeldSecret[]> {
  const decided = new Set<string>();
  const held: HeldSecret[] = [];
  let asWritten: RoutesRevision | null | undefined;
  let cursor: string | undefined;
  do {
    const page = await store.listCutovers({ limit: PAGE_LIMIT, cursor });
    cursor = page.nextCursor ?? undefined;
    for (const cutover of page.items) {
      const { toSecret, environment, state } = cutover;
      const key = JSON.stringify([toSecret, environment]);
      // The newest one decides.
      if (toSecret === null || decided.has(key)) continue;
      decided.add(key);
      if (state === 'PENDING' || state === 'CANARY') held.push(heldBy(cutover, toSecret, false));
      if (state !== 'ROLLED_BACK') continue;
      asWritten ??= (await newestAsWritten(store)) ?? null;
      if (!hasFollowed(cutover, toSecret, asWritten)) held.push(heldBy(cutover, toSecret, true));
    }
  } while (cursor !== undefined);
  return held;
}

function heldBy({ id, secret, environment }: Cutover, named: string, rolledBack: boolean) {
  return { cutoverId: id, named, used: secret, environment, rolledBack };
}

/** Whether the file was applied as it is, without the secret, after the cutover had brought that into use or ended. */
function hasFollowed(
  { environment, currentSinceMs, endedAtMs }: Cutover,
  toSecret: string,
  asWritten: RoutesRevision | null,
): boolean {
  if (asWritten === null) return false;
  const { createdAtMs, document } = asWritten;
  if (currentSinceMs === null) return createdAtMs > (endedAtMs ?? 0);
  return createdAtMs >= currentSinceMs && namedIn(document, toSecret, environment).length === 0;
}

/** The newest revision that says what the file said: one with something held back does not come from the file. */
async function newestAsWritten(store: Facts): Promise<RoutesRevision | undefined> {
  let cursor: string | undefined;
  do {
    const page = await store.listRevisions({ limit: PAGE_LIMIT, cursor });
    const found = page.items.find(({ source }) => source === 'file');
    if (found !== undefined) return store.getRevision(found.revision);
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  return undefined;
}

/** The document as requests are to find it. The same one where it names nothing that is held back. */
export function withoutHeld(document: RoutesDocument, held: readonly HeldSecret[]): RoutesDocument {
  return held.reduce((before, { named, used, environment }) => {
    const replaced = replaceSecret(before, { from: named, to: used, environment });
    return replaced.edits.length === 0 ? before : replaced.document;
  }, document);
}

/** One sentence for each secret that the file names although it was rolled back. */
export function describeHeld(document: RoutesDocument, held: readonly HeldSecret[]): string[] {
  return held
    .filter(
      ({ rolledBack, named, environment }) =>
        rolledBack && namedIn(document, named, environment).length > 0,
    )
    .map(
      ({ named, used, environment, cutoverId }) =>
        `The routes file names "${named}" in ${environment}, and cutover ${cutoverId} to it was rolled back: "${used}" is used until the file names that again.`,
    );
}
