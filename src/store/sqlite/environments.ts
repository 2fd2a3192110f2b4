import { type Actor, AppError, ENVIRONMENT_NAME, type Environment } from '../../core/index.js';
import type { Session } from './session.js';
import type { RotationYield } from './yield-rotation.js';

export function environmentCommands(session: Session, rotation: RotationYield) {
  const { database, audit, changes, lookup, now } = session;
  const list = database.prepare<[], { name: string; created_at_ms: number }>(
    'SELECT name, created_at_ms FROM environments WHERE reserved = 0 ORDER BY created_at_ms, name',
  );
  const exists = database.prepare<[string]>('SELECT 1 FROM environments WHERE name = ?');
  const insert = database.prepare<[string, number]>(
    'INSERT INTO environments (name, created_at_ms) VALUES (?, ?)',
  );
  const remove = database.prepare<[string]>('DELETE FROM environments WHERE name = ?');
  const forgetRevokedClients = database.prepare<[string]>(
    'DELETE FROM clients WHERE environment = ? AND revoked_at_ms IS NOT NULL',
  );
  const contents: readonly [one: string, more: string, count: string][] = [
    [
      'secret with versions',
      'secrets with versions',
      'SELECT count(*) FROM secret_environments WHERE environment = ?',
    ],
    [
      'client',
      'clients',
      'SELECT count(*) FROM clients WHERE environment = ? AND revoked_at_ms IS NULL',
    ],
    [
      'applied route',
      'applied routes',
      `SELECT count(*) FROM json_each((
         SELECT document FROM routes_revisions ORDER BY revision DESC LIMIT 1
       ), '$.routes') AS r, json_each(r.value, '$.environments') AS e WHERE e.key = ?`,
    ],
  ];
  const counts = contents.map(
    ([one, more, sql]) => [one, more, database.prepare<[string], number>(sql).pluck()] as const,
  );

  return {
    createEnvironment({ actor, name }: { actor: Actor; name: string }): Environment {
      if (!ENVIRONMENT_NAME.test(name)) {
        throw new AppError(
          'invalid_request',
          'An environment name is a lower-case letter, then up to 62 lower-case letters, digits or "-".',
          { problems: [{ path: 'name', message: `"${name}" is not an environment name` }] },
        );
      }
      return session.write(() => {
        if (exists.get(name) !== undefined) {
          throw new AppError('name_taken', `There is already an environment "${name}".`);
        }
        const createdAtMs = now();
        insert.run(name, createdAtMs);
        audit.append({ actor, action: 'environment.create', environment: name });
        changes.append({ kind: 'environment', environment: name });
        return { name, createdAtMs };
      });
    },

    listEnvironments(): Environment[] {
      return list.all().map((row) => ({ name: row.name, createdAtMs: row.created_at_ms }));
    },

    deleteEnvironment({ actor, name }: { actor: Actor; name: string }): void {
      session.write(() => {
        lookup.requireEnvironment(name);
        const found = counts
          .map(([one, more, query]) => [one, more, query.get(name) ?? 0] as const)
          .filter(([, , count]) => count > 0)
          .map(([one, more, count]) => `${count} ${count === 1 ? one : more}`);
        if (found.length > 0) {
          throw new AppError(
            'environment_not_empty',
            `The environment "${name}" still holds ${found.join(', ')}. Remove those first.`,
          );
        }
        rotation.toEnvironmentEnd(name, actor);
        forgetRevokedClients.run(name);
        remove.run(name);
        audit.append({ actor, action: 'environment.delete', environment: name });
        changes.append({ kind: 'environment', environment: name });
      });
    },
  };
}
