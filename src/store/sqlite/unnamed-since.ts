import { effectiveRoute, placedTemplates, type RoutesDocument } from '../../core/index.js';
import type { Session } from './session.js';

/** Enough to answer for months of changes without reading years of documents. */
const REVISIONS_LOOKED_AT = 1000;

export function unnamedSinceCommands({ database }: Session) {
  const candidates = database.prepare<[string], { revision: number; document: string }>(
    `SELECT revision, document FROM routes_revisions
     WHERE revision > (SELECT max(revision) FROM routes_revisions) - ${REVISIONS_LOOKED_AT}
       AND instr(document, ?) > 0
     ORDER BY revision DESC`,
  );
  const madeAtMs = database
    .prepare<[number], number>('SELECT created_at_ms FROM routes_revisions WHERE revision = ?')
    .pluck();

  const newestNaming = (secret: string, environments: readonly string[] | undefined) => {
    for (const { revision, document } of candidates.iterate(secret)) {
      if (names(JSON.parse(document), secret, environments)) return revision;
    }
    return undefined;
  };
  return {
    /** When the first revision was made that no longer names it; undefined where the applied one does. */
    unnamedSince(question: {
      secret: string;
      environments: readonly string[] | undefined;
    }): number | undefined {
      const revision = newestNaming(question.secret, question.environments);
      return revision === undefined ? undefined : madeAtMs.get(revision + 1);
    },
  };
}

function names(
  { routes }: RoutesDocument,
  secret: string,
  environments: readonly string[] | undefined,
): boolean {
  return routes.some((route) =>
    Object.keys(route.environments).some((environment) => {
      if (environments !== undefined && !environments.includes(environment)) return false;
      const effective = effectiveRoute(route, environment);
      return (
        effective !== undefined &&
        placedTemplates(effective).some(({ references }) =>
          references.some(({ name }) => name === secret),
        )
      );
    }),
  );
}
