import {
  type Actor,
  AppError,
  type RouteReference,
  type RoutesDocument,
  type RoutesRevision,
} from '../../core/index.js';
import type { Session } from './session.js';

export interface RevisionRow {
  readonly revision: number;
  readonly created_at_ms: number;
  readonly created_by: string;
  readonly source: 'file' | 'api';
  readonly restores: number | null;
}

export interface RoutesCommand {
  readonly actor: Actor;
  readonly document: RoutesDocument;
  readonly references: readonly RouteReference[];
  readonly source: 'file' | 'api';
  readonly ifRevision?: number | undefined;
  readonly restores?: number | undefined;
}

export const REVISION_COLUMNS = 'revision, created_at_ms, created_by, source, restores';

/** The applied routes, and what they name. */
export interface AppliedRoutes {
  /** Number of the newest revision; 0 before the first. */
  newest(): number;
  /**
   * Appends a revision with its audit and change rows; call it inside a transaction. Throws `precondition_failed`
   * when `ifRevision` is not the applied one.
   */
  apply(command: RoutesCommand): RoutesRevision;
  /** Routes that name the current version of a secret. */
  naming(secret: string, environment: string): string[];
}

export function createAppliedRoutes({
  database,
  audit,
  changes,
  ledger,
  now,
}: Session): AppliedRoutes {
  const highest = database
    .prepare<[], number>('SELECT coalesce(max(revision), 0) FROM routes_revisions')
    .pluck();
  /** Also where its row was removed: an older one is not the applied one then. */
  const newest = (): number => {
    let revision = highest.get() ?? 0;
    while (ledger.expects('routes_revisions', [revision + 1])) revision++;
    return revision;
  };
  const insert = database.prepare<RevisionRow & { document: string }>(
    `INSERT INTO routes_revisions (${REVISION_COLUMNS}, document)
     VALUES (@revision, @created_at_ms, @created_by, @source, @restores, @document)`,
  );
  const clearReferences = database.prepare('DELETE FROM route_references');
  const addReferences = database.prepare<[string]>(
    `INSERT INTO route_references (secret, environment, route, version)
     SELECT value ->> 'secret', value ->> 'environment', value ->> 'route', value ->> 'version'
     FROM json_each(?)`,
  );
  const naming = database
    .prepare<[string, string], string>(
      `SELECT DISTINCT route FROM route_references
       WHERE secret = ? AND environment = ? AND version IS NULL ORDER BY route`,
    )
    .pluck();

  return {
    newest,
    naming: (secret, environment) => naming.all(secret, environment),
    apply(command) {
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
    },
  };
}

export function toRevision(row: RevisionRow): Omit<RoutesRevision, 'document'> {
  return {
    revision: row.revision,
    createdAtMs: row.created_at_ms,
    createdBy: row.created_by,
    source: row.source,
    restores: row.restores,
  };
}
