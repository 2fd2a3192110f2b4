import {
  type Cutover,
  effectiveRoute,
  placedTemplates,
  type RoutesDocument,
  type Store,
} from '../core/index.js';

const REVISIONS_PER_PAGE = 100;

/**
 * Where the old secret of a cutover by name was sent before its routes went on to name the new one: the upstream's
 * origin, by route. Told by the newest revision before `CURRENT` that names it, as far back as the cutover goes: that
 * never changes.
 */
export async function originsBefore(
  store: Pick<Store, 'listRevisions' | 'getRevision'>,
  cutover: Cutover,
): Promise<ReadonlyMap<string, string>> {
  let cursor: string | null | undefined;
  while (cursor !== null) {
    const page = await store.listRevisions({ limit: REVISIONS_PER_PAGE, cursor });
    for (const { revision, createdAtMs } of page.items) {
      if (cutover.currentSinceMs !== null && createdAtMs > cutover.currentSinceMs) continue;
      const origins = originsIn((await store.getRevision(revision))?.document, cutover);
      if (origins.size > 0 || createdAtMs < cutover.startedAtMs) return origins;
    }
    cursor = page.nextCursor;
  }
  return new Map();
}

function originsIn(
  document: RoutesDocument | undefined,
  { secret, environment }: Cutover,
): ReadonlyMap<string, string> {
  const origins = new Map<string, string>();
  for (const route of document?.routes ?? []) {
    const effective = effectiveRoute(route, environment);
    if (effective === undefined) continue;
    const names = placedTemplates(effective).some(({ references }) =>
      references.some(({ name, version }) => name === secret && version === undefined),
    );
    if (names) origins.set(route.name, effective.upstream.origin);
  }
  return origins;
}
