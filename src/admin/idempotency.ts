import { createHmac } from 'node:crypto';
import { AppError, type Store } from '../core/index.js';
import type { AuthenticatedAdmin } from './admin-environment.js';

const KEY = /^[\x21-\x7e]{1,255}$/;

/** An answer as it is kept for a repetition. */
export interface KeptAnswer {
  readonly status: number;
  readonly body: string;
}

/** What identifies a request: the same key with anything else is a mistake. */
export interface RequestIdentity {
  readonly method: string;
  /** With the query string. */
  readonly target: string;
  readonly body: Uint8Array;
}

/** Throws `invalid_request` unless the key is 1 to 255 visible ASCII characters. */
export function requireIdempotencyKey(key: string): void {
  if (KEY.test(key)) return;
  throw new AppError(
    'invalid_request',
    'The header Idempotency-Key must be 1 to 255 visible ASCII characters.',
  );
}

/**
 * Runs a command once per key and admin; a repetition gets the kept answer. A command that fails changed
 * nothing, so its key is free again. Throws `idempotency_unfinished` and `idempotency_mismatch`.
 */
export async function runOnce<T>(
  store: Store,
  caller: AuthenticatedAdmin,
  key: string,
  request: RequestIdentity,
  run: () => Promise<{ result: T; keep: KeptAnswer }>,
): Promise<{ replayed: false; result: T } | { replayed: true; answer: KeptAnswer }> {
  const actorId = caller.admin.id;
  const begun = await store.beginIdempotent({
    key,
    actorId,
    fingerprint: fingerprint(caller.token, request),
  });
  if (begun.type === 'replay') {
    return { replayed: true, answer: { status: begun.status, body: begun.body } };
  }
  let done: { result: T; keep: KeptAnswer };
  try {
    done = await run();
  } catch (error) {
    await forget(store, key, actorId);
    throw error;
  }
  await store.finishIdempotent({ key, actorId, answer: done.keep });
  return { replayed: false, result: done.result };
}

async function forget(store: Store, key: string, actorId: string): Promise<void> {
  try {
    await store.finishIdempotent({ key, actorId, answer: undefined });
  } catch (error) {
    // The caller's own error says more; the key stays reserved and answers idempotency_unfinished.
    if (!(error instanceof AppError)) throw error;
  }
}

/**
 * Keyed by the caller's token, which the store does not hold: a body may carry a value, and a plain hash of
 * it would let a reader of the database try guesses.
 */
function fingerprint(token: string, request: RequestIdentity): string {
  return createHmac('sha256', token)
    .update(`${request.method} ${request.target}\n`)
    .update(request.body)
    .digest('base64url');
}
