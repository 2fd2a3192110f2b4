import { AppError } from '../../core/index.js';
import type { Session } from './session.js';

/** How long a key is remembered. Long enough for every retry that a person or a job would still make. */
const KEPT_MS = 24 * 3_600_000;

interface ReservationRow {
  readonly fingerprint: string;
  readonly status: number | null;
  readonly body: string | null;
}

export type Reservation = { type: 'fresh' } | { type: 'replay'; status: number; body: string };

export function idempotencyCommands({ database, now, write }: Session) {
  const forgetOld = database.prepare<[number]>('DELETE FROM idempotency WHERE created_at_ms < ?');
  const find = database.prepare<[string, string], ReservationRow>(
    'SELECT fingerprint, status, body FROM idempotency WHERE actor_id = ? AND key = ?',
  );
  const reserve = database.prepare<[string, string, string, number]>(
    'INSERT INTO idempotency (actor_id, key, fingerprint, created_at_ms) VALUES (?, ?, ?, ?)',
  );
  const finish = database.prepare<[number, string, string, string]>(
    'UPDATE idempotency SET status = ?, body = ? WHERE actor_id = ? AND key = ?',
  );
  const forget = database.prepare<[string, string]>(
    'DELETE FROM idempotency WHERE actor_id = ? AND key = ?',
  );

  return {
    beginIdempotent(command: { key: string; actorId: string; fingerprint: string }): Reservation {
      const { key, actorId, fingerprint } = command;
      return write(() => {
        forgetOld.run(now() - KEPT_MS);
        const row = find.get(actorId, key);
        if (row === undefined) {
          reserve.run(actorId, key, fingerprint, now());
          return { type: 'fresh' };
        }
        if (row.fingerprint !== fingerprint) {
          throw new AppError(
            'idempotency_mismatch',
            'This Idempotency-Key was sent with another request. Use a new key for a new request.',
          );
        }
        if (row.status === null || row.body === null) {
          throw new AppError(
            'idempotency_unfinished',
            'A request with this Idempotency-Key is running or was cut off. Look whether it took effect, then use a new key.',
          );
        }
        return { type: 'replay', status: row.status, body: row.body };
      });
    },

    finishIdempotent(command: {
      key: string;
      actorId: string;
      answer: { status: number; body: string } | undefined;
    }): void {
      const { key, actorId, answer } = command;
      write(() => {
        if (answer === undefined) forget.run(actorId, key);
        else finish.run(answer.status, answer.body, actorId, key);
      });
    },
  };
}
