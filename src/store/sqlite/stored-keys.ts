import {
  type Actor,
  AppError,
  type PassphraseParameters,
  type SealContext,
  type SealedValue,
  type StoredKey,
} from '../../core/index.js';
import { type MetaName, readMeta } from './initialise.js';
import { materialContext } from './material-context.js';
import type { AuditLogKey } from './sealed-head.js';
import type { Session } from './session.js';

/** Which root key the database is under. */
export interface RootKeyFacts {
  readonly rootKeyId: string;
  readonly passphrase?: PassphraseParameters | undefined;
}

/** The server's own keys, for every root key that has a set: two of them during a rekey. */
export interface DatabaseKeys {
  /** Undefined in a database that is new. */
  readonly root: RootKeyFacts | undefined;
  /** A rekey that began and did not finish. */
  readonly rekey: RootKeyFacts | undefined;
  readonly keys: readonly StoredKey[];
}

/** Where values are sealed: versions, and what the new key of a rotation run is made of. */
export const SEALED_PLACES = ['versions', 'materials'] as const;
export type SealedPlace = (typeof SEALED_PLACES)[number];

export interface WrappedValue {
  readonly position: number;
  readonly context: SealContext;
  readonly sealed: Pick<SealedValue, 'keyId' | 'wrappedKey'>;
}

interface WrappedRow {
  readonly position: number;
  readonly key_id: string;
  readonly wrapped_key: Uint8Array;
}

interface WrappedVersion extends WrappedRow {
  readonly environment: string;
  readonly secret_id: string;
  readonly version: number;
}

interface WrappedMaterial extends WrappedRow {
  readonly id: string;
  readonly step_id: string;
}

export function storedKeyCommands(session: Session) {
  const { database, databaseId, audit, write, read } = session;
  const all = database.prepare<[], StoredKey>(
    `SELECT id, purpose, root_key_id AS rootKeyId, wrapped FROM stored_keys ORDER BY position`,
  );
  const insert = database.prepare<StoredKey>(
    `INSERT INTO stored_keys (id, purpose, root_key_id, wrapped)
     VALUES (@id, @purpose, @rootKeyId, @wrapped)`,
  );
  const removeOthers = database.prepare<[string]>('DELETE FROM stored_keys WHERE root_key_id <> ?');
  const saveMeta = database.prepare<[MetaName, string]>(
    `INSERT INTO meta (name, value) VALUES (?, ?)
     ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
  );
  const removeMeta = database.prepare<[MetaName]>('DELETE FROM meta WHERE name = ?');
  const versionsNotUnder = database.prepare<[number, string, number], WrappedVersion>(
    `SELECT position, environment, secret_id, version, key_id, wrapped_key FROM versions
     WHERE position > ? AND key_id <> ? AND wrapped_key IS NOT NULL ORDER BY position LIMIT ?`,
  );
  const materialsNotUnder = database.prepare<[number, string, number], WrappedMaterial>(
    `SELECT position, id, step_id, material_key_id AS key_id, material_wrapped_key AS wrapped_key
     FROM rotation_runs
     WHERE position > ? AND material_key_id <> ? AND material_wrapped_key IS NOT NULL
     ORDER BY position LIMIT ?`,
  );
  const rewrap = {
    versions: database.prepare<[string, Uint8Array, number]>(
      'UPDATE versions SET key_id = ?, wrapped_key = ? WHERE position = ? AND wrapped_key IS NOT NULL',
    ),
    materials: database.prepare<[string, Uint8Array, number]>(
      `UPDATE rotation_runs SET material_key_id = ?, material_wrapped_key = ?
       WHERE position = ? AND material_wrapped_key IS NOT NULL`,
    ),
  };
  const rootFacts = (name: MetaName): RootKeyFacts | undefined => {
    const text = readMeta(database, name);
    return text === undefined ? undefined : JSON.parse(text);
  };

  return {
    databaseKeys: (): DatabaseKeys =>
      read(() => ({ root: rootFacts('root_key'), rekey: rootFacts('rekey'), keys: all.all() })),

    /** Gives a new database its keys, once. */
    createKeys({ root, keys }: { root: RootKeyFacts; keys: readonly StoredKey[] }): void {
      write(() => {
        if (rootFacts('root_key') !== undefined) {
          throw new AppError('conflict', 'The database has its keys already.');
        }
        saveMeta.run('root_key', JSON.stringify(root));
        for (const key of keys) insert.run(key);
      });
    },

    unlock: ({ keys, acceptRows }: { keys: readonly AuditLogKey[]; acceptRows: boolean }): void =>
      session.unlock(keys, acceptRows),

    /** Records a rekey before any value is rewrapped, with the server's own keys under the new root key. */
    beginRekey({ root, keys }: { root: RootKeyFacts; keys: readonly StoredKey[] }): void {
      write(() => {
        saveMeta.run('rekey', JSON.stringify(root));
        for (const key of keys) insert.run(key);
      });
    },

    /** Values whose data key is not wrapped under `rootKeyId` yet, in order of position. */
    valuesNotUnder(from: {
      place: SealedPlace;
      rootKeyId: string;
      after: number;
      limit: number;
    }): WrappedValue[] {
      const { after, rootKeyId, limit } = from;
      const wrapped = (row: WrappedRow, context: SealContext): WrappedValue => ({
        position: row.position,
        context,
        sealed: { keyId: row.key_id, wrappedKey: row.wrapped_key },
      });
      if (from.place === 'materials') {
        return materialsNotUnder
          .all(after, rootKeyId, limit)
          .map((row) => wrapped(row, materialContext(databaseId, row.id, row.step_id)));
      }
      return versionsNotUnder.all(after, rootKeyId, limit).map((row) => {
        const { environment, secret_id: secretId, version } = row;
        return wrapped(row, { databaseId, environment, secretId, version });
      });
    },

    rewrapValues(command: {
      place: SealedPlace;
      values: readonly Pick<WrappedValue, 'position' | 'sealed'>[];
    }): void {
      write(() => {
        for (const { position, sealed } of command.values) {
          rewrap[command.place].run(sealed.keyId, sealed.wrappedKey, position);
        }
      });
    },

    /** Makes the new root key the only one. Refuses while a value is under another. */
    finishRekey({ actor }: { actor: Actor }): void {
      write(() => {
        const from = rootFacts('root_key');
        const to = rootFacts('rekey');
        const isLeft = (rootKeyId: string): boolean =>
          versionsNotUnder.get(0, rootKeyId, 1) !== undefined ||
          materialsNotUnder.get(0, rootKeyId, 1) !== undefined;
        if (to === undefined || isLeft(to.rootKeyId)) {
          throw new AppError('rekey_unfinished', 'Some values are still under the old root key.');
        }
        saveMeta.run('root_key', JSON.stringify(to));
        removeMeta.run('rekey');
        removeOthers.run(to.rootKeyId);
        const detail = { from: from?.rootKeyId ?? null, to: to.rootKeyId };
        audit.append({ actor, action: 'root_key.rekey', detail });
      });
      // The old wrapped keys are to be gone from the write-ahead log too.
      database.pragma('wal_checkpoint(TRUNCATE)');
    },
  };
}
