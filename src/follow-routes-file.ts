/** File mode: the routes file is the truth, applied at start and on every change. */
import {
  type AppliedRoutes,
  namedIn,
  type RoutesControl,
  type RoutesWatcher,
  watchRoutesFile,
} from './config/index.js';
import { type Actor, AppError, type RoutesDocument, type Store } from './core/index.js';
import { describeHeld, findHeldSecrets, withoutHeld } from './held-secrets.js';
import type { Log } from './telemetry/index.js';

/** How soon a changed file is seen. */
const WATCH_EVERY_MS = 250;
/** How soon a file is offered again that the store could not take, however good it was. */
const RETRY_AFTER_MS = 1000;

interface FollowOptions {
  readonly file: string;
  readonly store: Store;
  readonly routes: RoutesControl;
  readonly log: Log;
  /** Called after a revision was applied; resolves when requests use it. */
  readonly onApplied: () => Promise<void>;
}

export interface RoutesFollower {
  /** Reads the file now, as on SIGHUP. */
  reload(): Promise<void>;
  /** Offers a refused file again, after something changed that may have been missing. */
  retry(): Promise<void>;
  /** What the file said when it was last applied, whatever is used in the place of secrets that it names. */
  written(): RoutesDocument | undefined;
  /** What a person should know about secrets that the file names and requests do not get. */
  notes(): Promise<readonly string[]>;
  close(): Promise<void>;
}

/**
 * Applies the file and follows it. A broken document changes nothing: the last good revision stays, and what
 * is wrong is logged and audited. On a first start, with no revision yet to serve, a document that only lacks
 * secrets or values is waited for (they can be added while the server runs); one that is wrong in itself
 * throws `routes_invalid`.
 */
export async function followRoutesFile(options: FollowOptions): Promise<RoutesFollower> {
  const { file, store, routes, log, onApplied } = options;
  const actor: Actor = { type: 'file', id: file, name: file };
  let refused: unknown;
  let refusedText: string | undefined;
  /** What was last refused, and why: a file is offered again at every change that may mend it. */
  let said: string | undefined;
  let retryTimer: NodeJS.Timeout | undefined;
  let written: RoutesDocument | undefined;
  const watcher: RoutesWatcher = watchRoutesFile({
    file,
    intervalMs: WATCH_EVERY_MS,
    async onText(text) {
      refusedText = text;
      const { applied, document } = await applyFile(options, actor, text);
      written = document;
      refused = undefined;
      said = undefined;
      reportApplied(log, file, applied);
      await onApplied();
    },
    onError(error) {
      clearTimeout(retryTimer);
      if (isOutage(error)) retryTimer = setTimeout(() => void watcher.reload(), RETRY_AFTER_MS);
      refused = error;
      const why = error instanceof AppError ? [error.message, error.problems] : [String(error)];
      const refusal = JSON.stringify([refusedText, ...why]);
      if (refusal === said) return;
      said = refusal;
      log.error('routes_file_rejected', error, { file });
      void recordRejection(store, actor, file, error, log);
    },
  });
  let noted: { seq: number; of: RoutesDocument; notes: readonly string[] } | undefined;
  /** Asked for every few seconds: looked up anew only after a change. */
  const notes = async (): Promise<readonly string[]> => {
    if (written === undefined) return [];
    const seq = await store.latestChange();
    if (noted?.seq !== seq || noted.of !== written) {
      const of = written;
      noted = { seq, of, notes: describeHeld(of, await findHeldSecrets(store)) };
    }
    return noted.notes;
  };
  await watcher.reload();
  if (refused !== undefined && (await store.currentRoutes()) === undefined) {
    const text = refusedText ?? '';
    const lenient = await routes.validate({ text, fileName: file, allowMissing: true });
    if (refusedText === undefined || isOutage(refused) || lenient.problems.length > 0) {
      clearTimeout(retryTimer);
      await watcher.close();
      throw refused;
    }
  }
  return {
    reload() {
      said = undefined;
      return watcher.reload();
    },
    written: () => written,
    notes,
    retry: async () => {
      if (refused !== undefined) await watcher.reload();
    },
    async close() {
      await watcher.close();
      clearTimeout(retryTimer);
    },
  };
}

/** A cutover may apply a revision while the file is read: not that often. */
const MOST_ATTEMPTS = 5;

/** Applies what the file says, but for secrets that cutovers by name hold back. */
async function applyFile(
  { file, store, routes, log }: FollowOptions,
  actor: Actor,
  text: string,
): Promise<{ applied: AppliedRoutes; document: RoutesDocument }> {
  for (let attempt = 1; ; attempt++) {
    const current = await store.currentRoutes();
    const held = await findHeldSecrets(store);
    const parsed =
      held.length === 0 ? undefined : (await routes.validate({ text, fileName: file })).document;
    const used = parsed === undefined ? undefined : withoutHeld(parsed, held);
    const command = { actor, ifRevision: current?.revision };
    try {
      const applied =
        used === undefined || used === parsed
          ? await routes.apply({ ...command, text, fileName: file, source: 'file' })
          : await routes.apply({ ...command, document: used, source: 'api' });
      const document = parsed ?? applied.revision.document;
      for (const note of describeHeld(document, held)) log.warn('routes_held_back', { file, note });
      await endReverted(store, actor, document);
      return { applied, document };
    } catch (error) {
      const isLate = error instanceof AppError && error.code === 'precondition_failed';
      if (!isLate || attempt === MOST_ATTEMPTS) throw error;
    }
  }
}

/** A file that names the old secret again has taken a cutover back that was current. */
async function endReverted(store: Store, actor: Actor, document: RoutesDocument): Promise<void> {
  for (const { id, secret, toSecret, environment, state } of await store.runningCutovers()) {
    if (toSecret === null || state !== 'CURRENT') continue;
    const names = (name: string): boolean => namedIn(document, name, environment).length > 0;
    if (names(toSecret) || !names(secret)) continue;
    const reason = `The routes file names "${secret}" again.`;
    await store.rollbackCutover({ actor, id, reason });
  }
}

/** Nothing is wrong with the file: the store cannot be written just now. */
function isOutage(error: unknown): boolean {
  return error instanceof AppError && error.code === 'store_unavailable';
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
