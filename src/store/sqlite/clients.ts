import {
  type Actor,
  AppError,
  type Client,
  type ClientCredential,
  type Page,
  type PageRequest,
  type TrafficLimits,
} from '../../core/index.js';
import { isUniqueViolation } from './error-across-threads.js';
import { decodeCursor, pageLimit, toPage } from './page-cursor.js';
import type { Session } from './session.js';

interface ClientRow {
  readonly id: string;
  readonly name: string;
  readonly environment: string;
  readonly routes: string | null;
  readonly cidrs: string | null;
  readonly token_id: string;
  readonly token_hash: Uint8Array;
  readonly created_at_ms: number;
  readonly expires_at_ms: number | null;
  readonly revoked_at_ms: number | null;
  readonly last_used_at_ms: number | null;
  readonly limits: string | null;
}

export function clientCommands(session: Session) {
  const { database, audit, changes, ledger, lookup, newId, now } = session;
  const insert = database.prepare<ClientRow>(
    `INSERT INTO clients VALUES (@id, @name, @environment, @routes, @cidrs, @token_id, @token_hash,
       @created_at_ms, @expires_at_ms, @revoked_at_ms, @last_used_at_ms, @limits)`,
  );
  const byId = database.prepare<[string], ClientRow>('SELECT * FROM clients WHERE id = ?');
  const live = database.prepare<[], ClientRow>(
    'SELECT * FROM clients WHERE revoked_at_ms IS NULL ORDER BY id',
  );
  const after = database.prepare<
    { from: string; limit: number; environments: string | null },
    ClientRow
  >(
    `SELECT * FROM clients WHERE id > @from
       AND (@environments IS NULL OR environment IN (SELECT value FROM json_each(@environments)))
     ORDER BY id LIMIT @limit`,
  );
  const setLimits = database.prepare<[string | null, string]>(
    'UPDATE clients SET limits = ? WHERE id = ?',
  );
  const revoke = database.prepare<[number, string]>(
    'UPDATE clients SET revoked_at_ms = ? WHERE id = ?',
  );

  return {
    createClient(command: {
      actor: Actor;
      name: string;
      environment: string;
      routes?: readonly string[] | undefined;
      cidrs?: readonly string[] | undefined;
      limits?: TrafficLimits | undefined;
      expiresAtMs?: number | undefined;
      tokenId: string;
      tokenHash: Uint8Array;
    }): Client {
      return session.write(() => {
        const { actor, name, environment, routes, cidrs, limits } = command;
        lookup.requireEnvironment(environment);
        const row: ClientRow = {
          id: newId(),
          name,
          environment,
          routes: routes === undefined ? null : JSON.stringify(routes),
          cidrs: cidrs === undefined ? null : JSON.stringify(cidrs),
          token_id: command.tokenId,
          token_hash: command.tokenHash,
          created_at_ms: now(),
          expires_at_ms: command.expiresAtMs ?? null,
          revoked_at_ms: null,
          last_used_at_ms: null,
          limits: limits === undefined ? null : JSON.stringify(limits),
        };
        try {
          insert.run(row);
        } catch (cause) {
          if (!isUniqueViolation(cause)) throw cause;
          throw new AppError('name_taken', `There is already a client "${name}".`, { cause });
        }
        const detail = { id: row.id, name, routes, cidrs, limits, expiresAtMs: row.expires_at_ms };
        audit.append({ actor, action: 'client.create', environment, detail });
        changes.append({ kind: 'client', clientId: row.id });
        return toClient(row);
      });
    },

    updateClient(command: { actor: Actor; id: string; limits: TrafficLimits | null }): Client {
      return session.write(() => {
        const { actor, id, limits } = command;
        const before = byId.get(id);
        if (before === undefined)
          throw new AppError('not_found', `There is no client with id "${id}".`);
        const { name, environment } = before;
        if (before.revoked_at_ms !== null)
          throw new AppError('conflict', `The client "${name}" is revoked.`);
        const row = { ...before, limits: limits === null ? null : JSON.stringify(limits) };
        setLimits.run(row.limits, id);
        audit.append({ actor, action: 'client.update', environment, detail: { id, name, limits } });
        changes.append({ kind: 'client', clientId: id });
        return toClient(row);
      });
    },

    getClient(id: string): Client | undefined {
      const row = byId.get(id);
      return row === undefined ? undefined : toClient(row);
    },

    listClients(
      page: PageRequest & { environments?: readonly string[] | undefined },
    ): Page<Client> {
      const limit = pageLimit(page);
      const rows = after.all({
        from: decodeCursor(page.cursor, 'string') ?? '',
        limit: limit + 1,
        environments: page.environments === undefined ? null : JSON.stringify(page.environments),
      });
      return toPage(
        rows,
        limit,
        (row) => row.id,
        (shown) => shown.map(toClient),
      );
    },

    revokeClient({ actor, id }: { actor: Actor; id: string }): void {
      session.write(() => {
        const row = byId.get(id);
        if (row === undefined)
          throw new AppError('not_found', `There is no client with id "${id}".`);
        if (row.revoked_at_ms !== null) return;
        revoke.run(now(), id);
        const { name, environment } = row;
        audit.append({ actor, action: 'client.revoke', environment, detail: { id, name } });
        changes.append({ kind: 'client', clientId: id });
      });
    },

    clientCredentials(ids?: readonly string[]): ClientCredential[] {
      const rows =
        ids === undefined
          ? live.all()
          : ids.map((id) => byId.get(id)).filter((row) => row !== undefined);
      return rows
        .filter((row) => row.revoked_at_ms === null && ledger.holds('clients', row))
        .map((row) => ({ ...toClient(row), tokenId: row.token_id, tokenHash: row.token_hash }));
    },
  };
}

function toClient(row: ClientRow): Client {
  return {
    id: row.id,
    name: row.name,
    environment: row.environment,
    routes: row.routes === null ? null : JSON.parse(row.routes),
    cidrs: row.cidrs === null ? null : JSON.parse(row.cidrs),
    limits: row.limits === null ? null : JSON.parse(row.limits),
    createdAtMs: row.created_at_ms,
    expiresAtMs: row.expires_at_ms,
    revokedAtMs: row.revoked_at_ms,
    lastUsedAtMs: row.last_used_at_ms,
  };
}
