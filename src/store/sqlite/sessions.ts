import {
  type Actor,
  type Admin,
  AppError,
  type Page,
  type PageRequest,
  SESSION_IDLE_MS,
  SESSION_LASTS_MS,
  type Session,
  type SessionCredential,
  type SessionOrigin,
  SIGN_IN_LINK_LASTS_MS,
  type SignedInIdentity,
} from '../../core/index.js';
import { type AdminRow, toAdmin } from './admins.js';
import { decodeCursor, pageLimit, toPage } from './page-cursor.js';
import type { Session as DatabaseSession } from './session.js';

interface SessionRow {
  readonly id: string;
  readonly origin: SessionOrigin;
  readonly admin_id: string;
  readonly identity: string | null;
  readonly token_id: string;
  readonly token_hash: Uint8Array;
  readonly created_at_ms: number;
  readonly expires_at_ms: number;
  readonly last_seen_at_ms: number;
  readonly ended_at_ms: number | null;
}

interface LinkRow {
  readonly id: string;
  readonly admin_id: string;
  readonly token_id: string;
  readonly token_hash: Uint8Array;
  readonly expires_at_ms: number;
  readonly used_at_ms: number | null;
}

export interface KeptToken {
  readonly tokenId: string;
  readonly tokenHash: Uint8Array;
}

export type StartSessionCommand = KeptToken &
  (
    | { readonly origin: 'token'; readonly adminId: string }
    | { readonly origin: 'link'; readonly linkId: string }
    | { readonly origin: 'oidc'; readonly identity: SignedInIdentity }
  );

/** Seen is written so often: a page that asks every second is not a write every second. */
const SEEN_EVERY_MS = 60_000;
/** What is over is kept for a day, then forgotten; the audit log knows who signed in. */
const FORGET_MS = 86_400_000;

export function sessionCommands(session: DatabaseSession) {
  const { database, audit, ledger, newId, now } = session;
  const adminById = database.prepare<[string], AdminRow>('SELECT * FROM admins WHERE id = ?');
  const byToken = database.prepare<[string], SessionRow>(
    'SELECT * FROM sessions WHERE token_id = ? AND ended_at_ms IS NULL',
  );
  const byId = database.prepare<[string], SessionRow>('SELECT * FROM sessions WHERE id = ?');
  const ofAdmin = database.prepare<[string], SessionRow>(
    'SELECT * FROM sessions WHERE admin_id = ? AND ended_at_ms IS NULL',
  );
  const before = database.prepare<[string, number], SessionRow>(
    'SELECT * FROM sessions WHERE id < ? AND ended_at_ms IS NULL ORDER BY id DESC LIMIT ?',
  );
  const insert = database.prepare<SessionRow>(
    `INSERT INTO sessions VALUES (@id, @origin, @admin_id, @identity, @token_id, @token_hash,
       @created_at_ms, @expires_at_ms, @last_seen_at_ms, @ended_at_ms)`,
  );
  const seen = database.prepare<[number, string]>(
    'UPDATE sessions SET last_seen_at_ms = ? WHERE id = ?',
  );
  const end = database.prepare<[number, string]>(
    'UPDATE sessions SET ended_at_ms = ? WHERE id = ?',
  );
  const forget = database.prepare<[number]>('DELETE FROM sessions WHERE expires_at_ms < ?');
  const linkById = database.prepare<[string], LinkRow>('SELECT * FROM sign_in_links WHERE id = ?');
  const linkByToken = database.prepare<[string], LinkRow>(
    'SELECT * FROM sign_in_links WHERE token_id = ?',
  );
  const insertLink = database.prepare<LinkRow>(
    `INSERT INTO sign_in_links VALUES (@id, @admin_id, @token_id, @token_hash, @expires_at_ms,
       @used_at_ms)`,
  );
  const useLink = database.prepare<[number, string]>(
    'UPDATE sign_in_links SET used_at_ms = ? WHERE id = ?',
  );
  const forgetLinks = database.prepare<[number]>(
    'DELETE FROM sign_in_links WHERE expires_at_ms < ?',
  );

  const activeAdmin = (id: string): Admin | undefined => {
    const row = adminById.get(id);
    if (row === undefined || !ledger.holds('admins', row) || row.revoked_at_ms !== null) {
      return undefined;
    }
    return row.expires_at_ms === null || now() < row.expires_at_ms ? toAdmin(row) : undefined;
  };

  const adminOf = (row: SessionRow): Admin | undefined => {
    const identity = identityOf(row);
    if (identity === undefined) return activeAdmin(row.admin_id);
    const { grantedBy: _, ...admin } = identity;
    return {
      ...admin,
      createdAtMs: row.created_at_ms,
      expiresAtMs: row.expires_at_ms,
      revokedAtMs: null,
    };
  };

  /** Undefined when it is over. */
  const toSession = (row: SessionRow): SessionCredential | undefined => {
    const idleMs = now() - row.last_seen_at_ms;
    if (now() >= row.expires_at_ms || idleMs >= SESSION_IDLE_MS) return undefined;
    if (row.ended_at_ms !== null || !ledger.holds('sessions', row)) return undefined;
    const admin = adminOf(row);
    if (admin === undefined) return undefined;
    return { ...withoutHash(row, admin), tokenHash: row.token_hash };
  };

  const usableLink = (row: LinkRow | undefined): LinkRow | undefined =>
    row !== undefined &&
    row.used_at_ms === null &&
    now() < row.expires_at_ms &&
    ledger.holds('sign_in_links', row)
      ? row
      : undefined;

  const takeLink = (linkId: string): string => {
    const link = usableLink(linkById.get(linkId));
    if (link === undefined) throw linkOver();
    useLink.run(now(), link.id);
    return link.admin_id;
  };

  return {
    startSession(command: StartSessionCommand): Session {
      return session.write(() => {
        forget.run(now() - FORGET_MS);
        const { origin, tokenId, tokenHash } = command;
        const identity = command.origin === 'oidc' ? command.identity : null;
        const adminId =
          command.origin === 'oidc'
            ? command.identity.id
            : command.origin === 'link'
              ? takeLink(command.linkId)
              : command.adminId;
        const row: SessionRow = {
          id: newId(),
          origin,
          admin_id: adminId,
          identity: identity === null ? null : JSON.stringify(identity),
          token_id: tokenId,
          token_hash: tokenHash,
          created_at_ms: now(),
          expires_at_ms: now() + SESSION_LASTS_MS,
          last_seen_at_ms: now(),
          ended_at_ms: null,
        };
        const admin = adminOf(row);
        if (admin === undefined) {
          throw new AppError('unauthenticated', 'This admin token was revoked or has expired.');
        }
        insert.run(row);
        const actor: Actor = { type: 'admin', id: admin.id, name: admin.name };
        audit.append({ actor, action: 'session.start', detail: { id: row.id, origin } });
        return withoutHash(row, admin);
      });
    },

    refuseSignIn({ actor }: { actor: Actor }): void {
      session.write(() => {
        const detail = { origin: 'oidc', reason: 'no_role' };
        audit.append({ actor, action: 'session.refuse', detail });
      });
    },

    findSession(tokenId: string): SessionCredential | undefined {
      const row = byToken.get(tokenId);
      const found = row === undefined ? undefined : toSession(row);
      if (row === undefined || found === undefined) return undefined;
      if (now() - row.last_seen_at_ms >= SEEN_EVERY_MS) {
        session.write(() => seen.run(now(), row.id));
      }
      return found;
    },

    endSession({ actor, id }: { actor: Actor; id: string }): void {
      session.write(() => {
        const row = byId.get(id);
        if (row === undefined) throw new AppError('not_found', `There is no session "${id}".`);
        if (row.ended_at_ms !== null) return;
        end.run(now(), id);
        audit.append({ actor, action: 'session.end', detail: { id, adminId: row.admin_id } });
      });
    },

    endSessionsOf({ actor, adminId }: { actor: Actor; adminId: string }): number {
      return session.write(() => {
        const rows = ofAdmin.all(adminId);
        for (const { id } of rows) end.run(now(), id);
        if (rows.length > 0) {
          const detail = { adminId, sessions: rows.length };
          audit.append({ actor, action: 'session.end_all', detail });
        }
        return rows.length;
      });
    },

    listSessions(page: PageRequest): Page<Session> {
      const limit = pageLimit(page);
      return toPage(
        before.all(decodeCursor(page.cursor, 'string') ?? '\u{10ffff}', limit + 1),
        limit,
        (row) => row.id,
        (rows) =>
          rows.flatMap((row) => {
            const found = toSession(row);
            return found === undefined ? [] : [withoutHash(row, found.admin)];
          }),
      );
    },

    createSignInLink(command: KeptToken & { actor: Actor; adminId: string }): void {
      session.write(() => {
        const { actor, adminId, tokenId, tokenHash } = command;
        forgetLinks.run(now() - FORGET_MS);
        insertLink.run({
          id: newId(),
          admin_id: adminId,
          token_id: tokenId,
          token_hash: tokenHash,
          expires_at_ms: now() + SIGN_IN_LINK_LASTS_MS,
          used_at_ms: null,
        });
        audit.append({ actor, action: 'session.link', detail: { adminId } });
      });
    },

    findSignInLink(tokenId: string): { id: string; tokenHash: Uint8Array } | undefined {
      const link = usableLink(linkByToken.get(tokenId));
      return link === undefined ? undefined : { id: link.id, tokenHash: link.token_hash };
    },
  };
}

function identityOf(row: SessionRow): SignedInIdentity | undefined {
  return row.identity === null ? undefined : (JSON.parse(row.identity) as SignedInIdentity);
}

function withoutHash(row: SessionRow, admin: Admin): Session {
  return {
    id: row.id,
    admin,
    origin: row.origin,
    grantedBy: identityOf(row)?.grantedBy ?? null,
    createdAtMs: row.created_at_ms,
    expiresAtMs: row.expires_at_ms,
    lastSeenAtMs: row.last_seen_at_ms,
  };
}

function linkOver(): AppError {
  return new AppError(
    'unauthenticated',
    'This link was used before, or is older than 2 minutes. Run `keyferry console` for another one.',
  );
}
