import {
  type Actor,
  AppError,
  type Force,
  SECRET_NAME,
  type Secret,
  type SecretAttributes,
} from '../../core/index.js';
import { laterThan, requireUnchanged } from './require-unchanged.js';
import { type SecretRow, toSecret, toSecretRow } from './secret-row.js';
import type { Session } from './session.js';
import type { UseGuard } from './use-guard.js';
import type { CutoverYield } from './yield-cutover.js';
import type { RotationYield } from './yield-rotation.js';

const DEFAULT_ATTRIBUTES: SecretAttributes = {
  description: null,
  owner: null,
  labels: {},
  allowedHosts: [],
  kind: 'other',
  criticality: 'standard',
  rotateEveryDays: null,
  maximumAgeDays: null,
};

export function secretCommands(
  session: Session,
  guard: UseGuard,
  { cutover, rotation }: { cutover: CutoverYield; rotation: RotationYield },
) {
  const { database, audit, changes, lookup, newId, now } = session;
  const insert = database.prepare<SecretRow>(
    `INSERT INTO secrets VALUES (@id, @name, @description, @owner, @labels, @allowed_hosts, @kind,
       @criticality, @rotate_every_days, @maximum_age_days, @created_at_ms, @updated_at_ms)`,
  );
  const update = database.prepare<SecretRow>(
    `UPDATE secrets SET description = @description, owner = @owner, labels = @labels,
       allowed_hosts = @allowed_hosts, kind = @kind, criticality = @criticality,
       rotate_every_days = @rotate_every_days, maximum_age_days = @maximum_age_days,
       updated_at_ms = @updated_at_ms WHERE id = @id`,
  );
  const remove = database.prepare<[string]>('DELETE FROM secrets WHERE id = ?');

  return {
    createSecret({
      actor,
      name,
      ...attributes
    }: { actor: Actor; name: string } & Partial<SecretAttributes>): Secret {
      if (!SECRET_NAME.test(name)) {
        throw new AppError(
          'invalid_request',
          'A secret name is a letter, then up to 127 letters, digits, "_" or "-".',
          { problems: [{ path: 'name', message: `"${name}" is not a secret name` }] },
        );
      }
      return session.write(() => {
        if (lookup.secret(name) !== undefined) {
          throw new AppError('name_taken', `There is already a secret "${name}".`, {
            problems: [{ path: 'name', message: 'there is a secret of this name already' }],
          });
        }
        const atMs = now();
        const secret: Secret = {
          id: newId(),
          name,
          ...merge(DEFAULT_ATTRIBUTES, attributes),
          createdAtMs: atMs,
          updatedAtMs: atMs,
        };
        insert.run(toSecretRow(secret));
        audit.append({ actor, action: 'secret.create', secret: name });
        changes.append({ kind: 'secret', secret: name });
        return secret;
      });
    },

    updateSecret(command: {
      actor: Actor;
      name: string;
      changes: Partial<SecretAttributes>;
      ifUpdatedAtMs?: number | undefined;
    }): Secret {
      return session.write(() => {
        const before = toSecret(lookup.requireSecret(command.name));
        requireUnchanged(`"${command.name}"`, before, command.ifUpdatedAtMs);
        const secret: Secret = {
          ...before,
          ...merge(before, command.changes),
          updatedAtMs: laterThan(before, now()),
        };
        update.run(toSecretRow(secret));
        audit.append({
          actor: command.actor,
          action: 'secret.update',
          secret: command.name,
          detail: { changed: Object.keys(command.changes) },
        });
        changes.append({ kind: 'secret', secret: command.name });
        return secret;
      });
    },

    deleteSecret({
      actor,
      name,
      force,
    }: {
      actor: Actor;
      name: string;
      force?: Force | undefined;
    }): void {
      session.write(() => {
        // One that was altered can still be deleted.
        const secret = lookup.secret(name) ?? lookup.requireSecret(name);
        const detail = guard.requireSecretFree(secret, force);
        rotation.toDeletion(secret, actor);
        if (force !== undefined) cutover.toDeletion(secret, actor, force);
        remove.run(secret.id);
        audit.append({ actor, action: 'secret.delete', secret: name, detail });
        changes.append({ kind: 'secret', secret: name });
      });
    },

    /** A name that does not exist is left out. */
    secretHosts(names: readonly string[]): Map<string, readonly string[]> {
      const hosts = new Map<string, readonly string[]>();
      for (const name of names) {
        const row = lookup.secret(name);
        if (row !== undefined) hosts.set(name, JSON.parse(row.allowed_hosts));
      }
      return hosts;
    },
  };
}

function merge(base: SecretAttributes, own: Partial<SecretAttributes>): SecretAttributes {
  return {
    description: own.description === undefined ? base.description : own.description,
    owner: own.owner === undefined ? base.owner : own.owner,
    labels: own.labels ?? base.labels,
    allowedHosts: own.allowedHosts ?? base.allowedHosts,
    kind: own.kind ?? base.kind,
    criticality: own.criticality ?? base.criticality,
    rotateEveryDays: own.rotateEveryDays === undefined ? base.rotateEveryDays : own.rotateEveryDays,
    maximumAgeDays: own.maximumAgeDays === undefined ? base.maximumAgeDays : own.maximumAgeDays,
  };
}
