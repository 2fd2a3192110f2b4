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

  const get = (revision: number): RoutesRevision | undefined => {
    const row = byRevision.get(revision);
    if (row === undefined || !ledger.holds('routes_revisions', row)) return undefined;
    return { ...toRevision(row), document: JSON.parse(row.document) };
  };

  return {
    /** The newest revision is the applied one. Undefined also when its row was altered or removed. */
    currentRoutes: (): RoutesRevision | undefined => get(applied.newest()),
    getRevision: get,
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
