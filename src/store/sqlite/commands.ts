import { adminCommands } from './admins.js';
import { createAlertBook } from './alert-book.js';
import { alertFactsCommands } from './alert-facts.js';
import { alertCommands } from './alerts.js';
import { createAppliedRoutes } from './applied-routes.js';
import { clientCommands } from './clients.js';
import { createCutoverSteps } from './cutover-steps.js';
import { createCutoverTable } from './cutover-table.js';
import { cutoverCommands } from './cutovers.js';
import { directRunCommands } from './direct-runs.js';
import { environmentCommands } from './environments.js';
import { healthCommands } from './health.js';
import { heartbeatCommands } from './heartbeat.js';
import { idempotencyCommands } from './idempotency.js';
import { auditCommands } from './list-audit.js';
import { listCutoversCommands } from './list-cutovers.js';
import { listRotationsCommands } from './list-rotations.js';
import { listSecretsCommands } from './list-secrets.js';
import { notificationCommands } from './notifications.js';
import { createOutbox } from './outbox.js';
import { createPointerTable } from './pointers.js';
import { pruneAuditCommands } from './prune-audit.js';
import { resolveCommands } from './resolve.js';
import { createRotationTable } from './rotation-table.js';
import { rotationCommands } from './rotations.js';
import { routeCommands } from './routes.js';
import { createRunSteps } from './run-steps.js';
import { createRunTable } from './run-table.js';
import { runCommands } from './runs.js';
import { sealMintedCommands } from './seal-minted.js';
import { secretCommands } from './secrets.js';
import type { Session } from './session.js';
import { sessionCommands } from './sessions.js';
import { storedKeyCommands } from './stored-keys.js';
import { unnamedSinceCommands } from './unnamed-since.js';
import { usageCommands } from './usage.js';
import { createHistoryAdder, usageHistoryCommands } from './usage-history.js';
import { createUseGuard } from './use-guard.js';
import { createVersionInsert } from './version-insert.js';
import { createVersionReader } from './version-row.js';
import { versionCommands } from './versions.js';
import { createCutoverYield } from './yield-cutover.js';
import { createRotationYield } from './yield-rotation.js';

/** Everything that the worker thread does for the main thread. Each takes at most one cloneable argument. */
export function createCommands(session: Session, schemaVersion: number) {
  const { database, changes, now } = session;
  const cutovers = createCutoverTable(database, session.ledger);
  const guard = createUseGuard(database, cutovers, now);
  const versions = createVersionReader(database);
  const pointers = createPointerTable(database);
  const routes = createAppliedRoutes(session);
  const steps = createCutoverSteps(session, cutovers, pointers, routes);
  const outbox = createOutbox(session);
  const book = createAlertBook(session, outbox);
  const insertVersion = createVersionInsert(database);
  const runs = createRunTable(database, session.ledger);
  const rotations = createRotationTable(database, session.ledger, runs);
  const runSteps = createRunSteps(session, { runs, insertVersion, book, outbox });
  const yields = {
    cutover: createCutoverYield(cutovers, steps, pointers),
    rotation: createRotationYield(session, rotations, runs),
  };
  return {
    ...environmentCommands(session, yields.rotation),
    ...secretCommands(session, guard, yields),
    ...listSecretsCommands(session),
    ...versionCommands(session, { guard, versions, pointers, insertVersion, ...yields }),
    ...cutoverCommands(session, { table: cutovers, steps, versions, pointers, ...yields }),
    ...listCutoversCommands(session, cutovers),
    ...rotationCommands(session, rotations, runs),
    ...listRotationsCommands(session, rotations, runs),
    ...runCommands(session, rotations, runs, runSteps, pointers),
    ...directRunCommands(session, rotations, runs, runSteps),
    ...sealMintedCommands(session, runs, runSteps, pointers, insertVersion),
    ...resolveCommands(session),
    ...routeCommands(session, routes),
    ...unnamedSinceCommands(session),
    ...clientCommands(session),
    ...adminCommands(session),
    ...sessionCommands(session),
    ...auditCommands(session),
    ...pruneAuditCommands(session),
    ...usageCommands(session, createHistoryAdder(session)),
    ...usageHistoryCommands(session),
    ...heartbeatCommands(session),
    ...alertCommands(session, book),
    ...notificationCommands(session, outbox),
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
