import {
  type Actor,
  AppError,
  type Force,
  type SealedValue,
  type Version,
  type VersionSafety,
} from '../../core/index.js';
import type { PointerTable } from './pointers.js';
import type { Session } from './session.js';
import type { UseGuard, VersionPlace } from './use-guard.js';
import type { VersionInsert } from './version-insert.js';
import type { VersionReader } from './version-row.js';
import type { CutoverYield } from './yield-cutover.js';
import type { RotationYield } from './yield-rotation.js';

export interface Target {
  readonly actor: Actor;
  readonly secret: string;
  readonly environment: string;
}

export interface VersionTarget extends Target {
  readonly version: number;
}

/** A value that the caller sealed for a version number that it read before. */
export interface SealedVersion extends VersionTarget {
  readonly secretId: string;
  readonly sealed: SealedValue;
  readonly fields: readonly string[];
  readonly expiresAtMs: number | null;
  readonly note: string | null;
  readonly copiedFrom?: Version | undefined;
}

const RESERVED = { reserved: true };

export function versionCommands(
  session: Session,
  parts: {
    readonly guard: UseGuard;
    readonly versions: VersionReader;
    readonly pointers: PointerTable;
    readonly insertVersion: VersionInsert;
    readonly cutover: CutoverYield;
    readonly rotation: RotationYield;
  },
) {
  const { guard, versions, pointers, insertVersion, cutover, rotation } = parts;
  const { database, audit, changes, lookup, now } = session;
  const usable = database.prepare<
    [string, string | null],
    { environment: string; version: number }
  >(
    `SELECT environment, version FROM versions
     WHERE secret_id = ? AND environment = coalesce(?, environment)
       AND revoked_at_ms IS NULL AND destroyed_at_ms IS NULL
     ORDER BY environment, version DESC`,
  );
  const revoke = database.prepare<[number, string, string, number]>(
    `UPDATE versions SET revoked_at_ms = ? WHERE secret_id = ? AND environment = ? AND version = ?`,
  );
  const destroy = database.prepare<[number, string, string, number]>(
    `UPDATE versions SET destroyed_at_ms = ?, ciphertext = NULL, wrapped_key = NULL
     WHERE secret_id = ? AND environment = ? AND version = ?`,
  );

  const place = ({ secret, environment, version }: VersionTarget): VersionPlace => {
    lookup.requireEnvironment(environment, RESERVED);
    return { secret: lookup.requireSecret(secret), environment, version };
  };

  /** Writes the audit and change rows of a command, and answers with the version as it is now. */
  const recorded = (
    actor: Actor,
    action: string,
    at: VersionPlace,
    detail: Record<string, unknown>,
  ): Version => {
    const version = versions.require(at);
    const names = { secret: at.secret.name, environment: at.environment };
    audit.append({ actor, action, ...names, detail: { version: at.version, ...detail } });
    changes.append({ kind: 'version', ...names });
    return version;
  };

  return {
    /** The number that the next version will have, and what it is to be sealed for. */
    nextVersion({ secret, environment }: { secret: string; environment: string }) {
      lookup.requireEnvironment(environment, RESERVED);
      const { id } = lookup.requireSecret(secret);
      return { secretId: id, version: (pointers.get(id, environment)?.last_version ?? 0) + 1 };
    },

    /** Undefined when the number was taken meanwhile, or the secret made anew: seal again. */
    addSealedVersion(command: SealedVersion): Version | undefined {
      return session.write(() => {
        const at = place(command);
        if (at.secret.id !== command.secretId || !pointers.claim(at)) return undefined;
        const { sealed, actor, copiedFrom } = command;
        const { expiresAtMs, note, fields } = command;
        const createdAtMs = copiedFrom?.createdAtMs ?? now();
        const createdBy = actor.name;
        insertVersion(at, { createdAtMs, createdBy, expiresAtMs, note, fields, sealed });
        if (at.version === 1) pointers.makeCurrent(at, now());
        const state = at.version === 1 ? 'current' : 'staged';
        return recorded(actor, 'version.add', at, { state, ...originOf(copiedFrom) });
      });
    },

    listVersions({ secret, environment }: { secret: string; environment: string }): Version[] {
      lookup.requireEnvironment(environment, RESERVED);
      return versions.list(lookup.requireSecret(secret).id, secret, environment);
    },

    revokeSafetyOf(query: { secret: string; environment?: string | undefined }): VersionSafety[] {
      return session.read(() => {
        const { environment } = query;
        if (environment !== undefined) lookup.requireEnvironment(environment, RESERVED);
        const secret = lookup.requireSecret(query.secret);
        return usable
          .all(secret.id, environment ?? null)
          .map((row) => ({ ...row, ...guard.safetyOf({ secret, ...row }) }));
      });
    },

    activateVersion(command: VersionTarget): Version {
      return session.write(() => {
        const at = place(command);
        const found = versions.require(at);
        requireUsable(found);
        if (found.state !== 'current') rotation.toMove(at.secret, at.environment);
        cutover.toActivation(at, command.actor);
        const version = versions.require(at);
        if (version.state === 'current') return version;
        const from = pointers.get(at.secret.id, at.environment)?.current_version ?? null;
        pointers.makeCurrent(at, now());
        return recorded(command.actor, 'version.activate', at, { from });
      });
    },

    rollback({ actor, secret, environment }: Target): Version {
      return session.write(() => {
        lookup.requireEnvironment(environment, RESERVED);
        const row = lookup.requireSecret(secret);
        rotation.toMove(row, environment);
        const before = pointers.get(row.id, environment);
        const current = before?.current_version ?? null;
        if (current !== null && cutover.toRollback(row, environment, actor)) {
          return versions.require({ secret: row, environment, version: current });
        }
        if (before === undefined || before.previous_version === null) {
          throw new AppError(
            'version_unusable',
            `"${secret}" has no previous version in ${environment} to go back to.`,
          );
        }
        const at = { secret: row, environment, version: before.previous_version };
        pointers.makeCurrent(at, now());
        return recorded(actor, 'version.rollback', at, { from: before.current_version });
      });
    },

    revokeVersion(command: VersionTarget & { force?: Force | undefined }): Version {
      return session.write(() => {
        const at = place(command);
        const version = versions.require(at);
        if (version.state === 'revoked') return version;
        if (version.state === 'destroyed') requireUsable(version);
        rotation.toEndOf(at, command.actor);
        const detail = guard.requireVersionFree(at, command.force);
        if (command.force !== undefined) cutover.toEndOf(at, command.actor, command.force);
        pointers.release(at);
        revoke.run(now(), at.secret.id, at.environment, at.version);
        return recorded(command.actor, 'version.revoke', at, detail);
      });
    },

    destroyVersion(command: VersionTarget & { force?: Force | undefined }): Version {
      return session.write(() => {
        const at = place(command);
        const version = versions.require(at);
        if (version.state === 'destroyed') return version;
        rotation.toEndOf(at, command.actor);
        const detail = guard.requireVersionFree(at, command.force);
        if (command.force !== undefined) cutover.toEndOf(at, command.actor, command.force);
        pointers.release(at);
        destroy.run(now(), at.secret.id, at.environment, at.version);
        return recorded(command.actor, 'version.destroy', at, detail);
      });
    },
  };
}

/** Where a copied value came from, for the audit log. */
function originOf(copiedFrom: Version | undefined): Record<string, unknown> {
  if (copiedFrom === undefined) return {};
  const { secret, environment, version } = copiedFrom;
  return { copiedFrom: { secret, environment, version } };
}

function requireUsable({ version, secret, environment, state }: Version): void {
  if (state === 'revoked' || state === 'destroyed') {
    throw new AppError(
      'version_unusable',
      `Version ${version} of "${secret}" in ${environment} is ${state}. Add a new version instead.`,
    );
  }
}
