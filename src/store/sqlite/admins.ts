import {
  type Actor,
  type Admin,
  type AdminCredential,
  AppError,
  type Page,
  type PageRequest,
  type Role,
} from '../../core/index.js';
import { isUniqueViolation } from './error-across-threads.js';
import { decodeCursor, pageLimit, toPage } from './page-cursor.js';
import type { Session } from './session.js';

export interface AdminRow {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly environments: string | null;
  readonly secret_prefix: string | null;
  readonly token_id: string;
  readonly token_hash: Uint8Array;
  readonly created_at_ms: number;
  readonly expires_at_ms: number | null;
  readonly revoked_at_ms: number | null;
}

export function adminCommands(session: Session) {
  const { database, audit, changes, ledger, lookup, newId, now } = session;
  const insert = database.prepare<AdminRow>(
    `INSERT INTO admins VALUES (@id, @name, @role, @environments, @secret_prefix, @token_id,
       @token_hash, @created_at_ms, @expires_at_ms, @revoked_at_ms)`,
  );
  const byId = database.prepare<[string], AdminRow>('SELECT * FROM admins WHERE id = ?');
  const byTokenId = database.prepare<[string], AdminRow>('SELECT * FROM admins WHERE token_id = ?');
  const after = database.prepare<[string, number], AdminRow>(
    'SELECT * FROM admins WHERE id > ? ORDER BY id LIMIT ?',
  );
  const full = database.prepare<[], AdminRow>(
    `SELECT * FROM admins WHERE role = 'admin' AND environments IS NULL AND secret_prefix IS NULL
       AND expires_at_ms IS NULL AND revoked_at_ms IS NULL`,
  );
  const isLastFull = (id: string): boolean => {
    const usable = full.all().filter((row) => ledger.holds('admins', row));
    return usable.length === 1 && usable[0]?.id === id;
  };
  const revoke = database.prepare<[number, string]>(
    'UPDATE admins SET revoked_at_ms = ? WHERE id = ?',
  );

  return {
    createAdmin(command: {
      actor: Actor;
      name: string;
      role: Role;
      environments?: readonly string[] | undefined;
      secretPrefix?: string | undefined;
      expiresAtMs?: number | undefined;
      tokenId: string;
      tokenHash: Uint8Array;
    }): Admin {
      return session.write(() => {
        const { actor, name, role, environments, secretPrefix } = command;
        for (const environment of environments ?? []) {
          lookup.requireEnvironment(environment, { reserved: true });
        }
        const row: AdminRow = {
          id: newId(),
          name,
          role,
          environments: environments === undefined ? null : JSON.stringify(environments),
          secret_prefix: secretPrefix ?? null,
          token_id: command.tokenId,
          token_hash: command.tokenHash,
          created_at_ms: now(),
          expires_at_ms: command.expiresAtMs ?? null,
          revoked_at_ms: null,
        };
        try {
          insert.run(row);
        } catch (cause) {
          if (!isUniqueViolation(cause)) throw cause;
          throw new AppError('name_taken', `There is already an admin "${name}".`, { cause });
        }
        const expiresAtMs = row.expires_at_ms;
        const detail = { id: row.id, name, role, environments, secretPrefix, expiresAtMs };
        audit.append({ actor, action: 'admin.create', detail });
        changes.append({ kind: 'admin', adminId: row.id });
        return toAdmin(row);
      });
    },

    listAdmins(page: PageRequest): Page<Admin> {
      const limit = pageLimit(page);
      return toPage(
        after.all(decodeCursor(page.cursor, 'string') ?? '', limit + 1),
        limit,
        (row) => row.id,
        (rows) => rows.map(toAdmin),
      );
    },

    revokeAdmin({ actor, id }: { actor: Actor; id: string }): void {
      session.write(() => {
        const row = byId.get(id);
        if (row === undefined)
          throw new AppError('not_found', `There is no admin with id "${id}".`);
        if (row.revoked_at_ms !== null) return;
        if (isLastFull(id)) {
          throw new AppError(
            'in_use',
            'This is the last admin that can do everything and does not expire: create another one first.',
          );
        }
        revoke.run(now(), id);
        audit.append({ actor, action: 'admin.revoke', detail: { id, name: row.name } });
        changes.append({ kind: 'admin', adminId: id });
      });
    },

    findAdmin(tokenId: string): AdminCredential | undefined {
      const row = byTokenId.get(tokenId);
      if (row === undefined || !ledger.holds('admins', row)) return undefined;
      return { ...toAdmin(row), tokenHash: row.token_hash };
    },
  };
}

export function toAdmin(row: AdminRow): Admin {
  return {
    id: row.id,
    name: row.name,
    role: row.role,
    environments: row.environments === null ? null : JSON.parse(row.environments),
    secretPrefix: row.secret_prefix,
    createdAtMs: row.created_at_ms,
    expiresAtMs: row.expires_at_ms,
    revokedAtMs: row.revoked_at_ms,
  };
}
