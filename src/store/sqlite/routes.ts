import type { Page, PageRequest, RouteReference, RoutesRevision } from '../../core/index.js';
import {
  type AppliedRoutes,
  REVISION_COLUMNS,
  type RevisionRow,
  type RoutesCommand,
  toRevision,
} from './applied-routes.js';
import { decodeCursor, pageLimit, toPage } from './page-cursor.js';
import type { Session } from './session.js';

interface ReferenceRow {
  readonly route: string;
  readonly environment: string;
  readonly secret: string;
  readonly version: number | null;
}

export function routeCommands({ database, ledger, write }: Session, applied: AppliedRoutes) {
  const byRevision = database.prepare<[number], RevisionRow & { document: string }>(
    `SELECT ${REVISION_COLUMNS}, document FROM routes_revisions WHERE revision = ?`,
  );
  const before = database.prepare<[number, number], RevisionRow>(
    `SELECT ${REVISION_COLUMNS} FROM routes_revisions WHERE revision < ?
     ORDER BY revision DESC LIMIT ?`,
  );
  const references = database.prepare<[], ReferenceRow>(
    'SELECT route, environment, secret, version FROM route_references',
  );

  const find = (revision: number): (RevisionRow & { document: string }) | undefined => {
    const row = byRevision.get(revision);
    return row !== undefined && ledger.holds('routes_revisions', row) ? row : undefined;
  };
  const toRead = ({ document, ...row }: RevisionRow & { document: string }): RoutesRevision => ({
    ...toRevision(row),
    document: JSON.parse(document),
  });

  return {
    /**
     * The newest revision is the applied one. Undefined also when its row was altered or removed; `known` where it is
     * still the one that the caller has read.
     */
    currentRoutes({ known }: { known: number | undefined }): RoutesRevision | 'known' | undefined {
      const row = find(applied.newest());
      if (row === undefined) return undefined;
      return row.revision === known ? 'known' : toRead(row);
    },

    getRevision(revision: number): RoutesRevision | undefined {
      const row = find(revision);
      return row === undefined ? undefined : toRead(row);
    },

    applyRoutes: (command: RoutesCommand): RoutesRevision => write(() => applied.apply(command)),

    listRevisions(page: PageRequest): Page<Omit<RoutesRevision, 'document'>> {
      const limit = pageLimit(page);
      const from = decodeCursor(page.cursor, 'number') ?? Number.MAX_SAFE_INTEGER;
      return toPage(
        before.all(from, limit + 1),
        limit,
        (row) => row.revision,
        (rows) => rows.map(toRevision),
      );
    },

    /** Where the applied routes name secrets. */
    routeReferences: (): RouteReference[] =>
      references.all().map((row) => ({ ...row, version: row.version ?? undefined })),
  };
}
