import {
  type Actor,
  AppError,
  type Page,
  type PageRequest,
  type RouteReference,
  type RoutesDocument,
  type RoutesRevision,
} from '../../core/index.js';
import { decodeCursor, pageLimit, toPage } from './page-cursor.js';
import type { Session } from './session.js';

interface RevisionRow {
  readonly revision: number;
  readonly created_at_ms: number;
  readonly created_by: string;
  readonly source: 'file' | 'api';
  readonly restores: number | null;
}

interface ReferenceRow {
  readonly route: string;
  readonly environment: string;
  readonly secret: string;
  readonly version: number | null;
}

const COLUMNS = 'revision, created_at_ms, created_by, source, restores';

export function routeCommands(session: Session) {
  const { database, audit, changes, ledger, now } = session;
  const highest = database
    .prepare<[], number>('SELECT coalesce(max(revision), 0) FROM routes_revisions')
    .pluck();
  /** Also where its row was removed: an older one is not the applied one then. */
  const newest = (): number => {
    let revision = highest.get() ?? 0;
    while (ledger.expects('routes_revisions', [revision + 1])) revision++;
    return revision;
  };
  const byRevision = database.prepare<[number], RevisionRow & { document: string }>(
    `SELECT ${COLUMNS}, document FROM routes_revisions WHERE revision = ?`,
  );
  const before = database.prepare<[number, number], RevisionRow>(
    `SELECT ${COLUMNS} FROM routes_revisions WHERE revision < ? ORDER BY revision DESC LIMIT ?`,
  );
  const insert = database.prepare<RevisionRow & { document: string }>(
    `INSERT INTO routes_revisions (${COLUMNS}, document)
     VALUES (@revision, @created_at_ms, @created_by, @source, @restores, @document)`,
  );
  const clearReferences = database.prepare('DELETE FROM route_references');
  const addReferences = database.prepare<[string]>(
    `INSERT INTO route_references (secret, environment, route, version)
     SELECT value ->> 'secret', value ->> 'environment', value ->> 'route', value ->> 'version'
     FROM json_each(?)`,
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
    currentRoutes: (): RoutesRevision | undefined => get(newest()),
    getRevision: get,

    applyRoutes(command: {
      actor: Actor;
      document: RoutesDocument;
      references: readonly RouteReference[];
      source: 'file' | 'api';
      ifRevision?: number | undefined;
      restores?: number | undefined;
    }): RoutesRevision {
      return session.write(() => {
        const applied = newest();
        if (command.ifRevision !== undefined && command.ifRevision !== applied) {
          throw new AppError(
            'precondition_failed',
            `The applied routes are revision ${applied}, not ${command.ifRevision}. Read them again and repeat the change.`,
          );
        }
        const row = {
          revision: applied + 1,
          created_at_ms: now(),
          created_by: command.actor.name,
          source: command.source,
          restores: command.restores ?? null,
        };
        insert.run({ ...row, document: JSON.stringify(command.document) });
        clearReferences.run();
        addReferences.run(JSON.stringify(command.references));
        audit.append({
          actor: command.actor,
          action: command.restores === undefined ? 'routes.apply' : 'routes.restore',
          detail: {
            revision: row.revision,
            routes: command.document.routes.length,
            source: command.source,
            restores: row.restores,
          },
        });
        changes.append({ kind: 'routes', revision: row.revision });
        return { ...toRevision(row), document: command.document };
      });
    },

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

function toRevision(row: RevisionRow): Omit<RoutesRevision, 'document'> {
  return {
    revision: row.revision,
    createdAtMs: row.created_at_ms,
    createdBy: row.created_by,
    source: row.source,
    restores: row.restores,
  };
}
