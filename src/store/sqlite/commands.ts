import { adminCommands } from './admins.js';
import { clientCommands } from './clients.js';
import { environmentCommands } from './environments.js';
import { healthCommands } from './health.js';
import { idempotencyCommands } from './idempotency.js';
import { auditCommands } from './list-audit.js';
import { listSecretsCommands } from './list-secrets.js';
import { createPointerTable } from './pointers.js';
import { resolveCommands } from './resolve.js';
import { routeCommands } from './routes.js';
import { secretCommands } from './secrets.js';
import type { Session } from './session.js';
import { storedKeyCommands } from './stored-keys.js';
import { usageCommands } from './usage.js';
import { createUseGuard } from './use-guard.js';
import { createVersionReader } from './version-row.js';
import { versionCommands } from './versions.js';

/** Everything that the worker thread does for the main thread. Each takes at most one cloneable argument. */
export function createCommands(session: Session, schemaVersion: number) {
  const { database, changes, now } = session;
  const guard = createUseGuard(database, now);
  const versions = createVersionReader(database);
  return {
    ...environmentCommands(session),
    ...secretCommands(session, guard),
    ...listSecretsCommands(session),
    ...versionCommands(session, guard, versions, createPointerTable(database)),
    ...resolveCommands(session),
    ...routeCommands(session),
    ...clientCommands(session),
    ...adminCommands(session),
    ...auditCommands(session),
    ...usageCommands(session),
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
