import { adminCommands } from './admins.js';
import { alertFactsCommands } from './alert-facts.js';
import { alertCommands } from './alerts.js';
import { createAppliedRoutes } from './applied-routes.js';
import { clientCommands } from './clients.js';
import { createCutoverSteps } from './cutover-steps.js';
import { createCutoverTable } from './cutover-table.js';
import { cutoverCommands } from './cutovers.js';
import { environmentCommands } from './environments.js';
import { healthCommands } from './health.js';
import { heartbeatCommands } from './heartbeat.js';
import { idempotencyCommands } from './idempotency.js';
import { auditCommands } from './list-audit.js';
import { listCutoversCommands } from './list-cutovers.js';
import { listSecretsCommands } from './list-secrets.js';
import { createPointerTable } from './pointers.js';
import { pruneAuditCommands } from './prune-audit.js';
import { resolveCommands } from './resolve.js';
import { routeCommands } from './routes.js';
import { secretCommands } from './secrets.js';
import type { Session } from './session.js';
import { sessionCommands } from './sessions.js';
import { storedKeyCommands } from './stored-keys.js';
import { unnamedSinceCommands } from './unnamed-since.js';
import { usageCommands } from './usage.js';
import { createUseGuard } from './use-guard.js';
import { createVersionReader } from './version-row.js';
import { versionCommands } from './versions.js';
import { createCutoverYield } from './yield-cutover.js';

/** Everything that the worker thread does for the main thread. Each takes at most one cloneable argument. */
export function createCommands(session: Session, schemaVersion: number) {
  const { database, changes, now } = session;
  const cutovers = createCutoverTable(database, session.ledger);
  const guard = createUseGuard(database, cutovers, now);
  const versions = createVersionReader(database);
  const pointers = createPointerTable(database);
  const routes = createAppliedRoutes(session);
  const steps = createCutoverSteps(session, cutovers, pointers, routes);
  const cutoverYield = createCutoverYield(cutovers, steps, pointers);
  return {
    ...environmentCommands(session),
    ...secretCommands(session, guard, cutoverYield),
    ...listSecretsCommands(session),
    ...versionCommands(session, guard, versions, pointers, cutoverYield),
    ...cutoverCommands(session, cutovers, steps, versions, pointers),
    ...listCutoversCommands(session, cutovers),
    ...resolveCommands(session),
    ...routeCommands(session, routes),
    ...unnamedSinceCommands(session),
    ...clientCommands(session),
    ...adminCommands(session),
    ...sessionCommands(session),
    ...auditCommands(session),
    ...pruneAuditCommands(session),
    ...usageCommands(session),
    ...heartbeatCommands(session),
    ...alertCommands(session),
    ...alertFactsCommands(session),
    ...idempotencyCommands(session),
    ...storedKeyCommands(session),
    ...healthCommands(session, schemaVersion),
    latestChange: () => changes.latest(),
    changesSince: (seq: number) => changes.since(seq),
    /** Moves the write-ahead log into the database and empties it. False while a reader holds it. */
    emptyLog(): boolean {
      const [row] = database.pragma('wal_checkpoint(TRUNCATE)') as { busy: number }[];
      return row?.busy === 0;
    },
    /** The caller created the file, so that it has its mode before it has content. */
    async copyTo(file: string): Promise<void> {
      await database.backup(file);
    },
  };
}

export type Commands = ReturnType<typeof createCommands>;
