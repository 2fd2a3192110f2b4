/** File mode: the routes file is the truth, applied at start and on every change. */
import {
  type AppliedRoutes,
  type RoutesControl,
  type RoutesWatcher,
  watchRoutesFile,
} from './config/index.js';
import { type Actor, AppError, type Store } from './core/index.js';
import type { Log } from './telemetry/index.js';

/** How soon a changed file is seen. */
const WATCH_EVERY_MS = 250;

interface FollowOptions {
  readonly file: string;
  readonly store: Pick<Store, 'currentRoutes' | 'recordAudit'>;
  readonly routes: RoutesControl;
  readonly log: Log;
  /** Called after a revision was applied; resolves when requests use it. */
  readonly onApplied: () => Promise<void>;
}

/**
 * Applies the file and follows it. A broken document changes nothing: the last good revision stays, and what
 * is wrong is logged and audited. Throws `routes_invalid` when there is no revision yet to serve.
 */
export async function followRoutesFile(options: FollowOptions): Promise<RoutesWatcher> {
  const { file, store, routes, log, onApplied } = options;
  const actor: Actor = { type: 'file', id: file, name: file };
  let firstError: unknown;
  const watcher = watchRoutesFile({
    file,
    intervalMs: WATCH_EVERY_MS,
    async onText(text) {
      const applied = await routes.apply({ text, fileName: file, actor, source: 'file' });
      reportApplied(log, file, applied);
      await onApplied();
    },
    onError(error) {
      firstError ??= error;
      log.error('routes_file_rejected', error, { file });
      void recordRejection(store, actor, file, error, log);
    },
  });
  await watcher.reload();
  if (firstError !== undefined && (await store.currentRoutes()) === undefined) {
    await watcher.close();
    throw firstError;
  }
  return watcher;
}

function reportApplied(
  log: Log,
  file: string,
  { revision, warnings, changed }: AppliedRoutes,
): void {
  if (changed) log.info('routes_applied', { file, revision: revision.revision });
  for (const { path, message } of warnings) log.warn('routes_warning', { file, path, message });
}

async function recordRejection(
  store: Pick<Store, 'recordAudit'>,
  actor: Actor,
  file: string,
  error: unknown,
  log: Log,
): Promise<void> {
  const code = error instanceof AppError ? error.code : 'internal_error';
  try {
    await store.recordAudit({ actor, action: 'routes.reject', detail: { file, code } });
  } catch (failure) {
    log.error('audit_not_written', failure);
  }
}
