import {
  type Actor,
  AppError,
  PROVIDERS_ENVIRONMENT,
  type RotationRun,
  type SealedValue,
} from '../../core/index.js';
import type { PointerTable } from './pointers.js';
import { describeRun, NO_HOLDER, type RunRow } from './run-row.js';
import type { RunSteps, StepOfRun } from './run-steps.js';
import type { RunTable } from './run-table.js';
import { type HeldStep, requireHeld } from './runs.js';
import type { Session } from './session.js';
import type { VersionPlace } from './use-guard.js';
import type { VersionInsert } from './version-insert.js';

/** What a value is to be sealed for. */
export interface ValuePlace {
  readonly environment: string;
  readonly secretId: string;
  readonly version: number;
}

/** A value that the caller sealed for a place that it was told before. */
interface SealedAt {
  readonly place: ValuePlace;
  readonly sealed: SealedValue;
}

export interface SealedMinting extends SealedAt {
  readonly fields: readonly string[];
  readonly expiresAtMs: number | null;
  readonly credentials: readonly (SealedAt & { readonly secret: string })[];
}

export function sealMintedCommands(
  session: Session,
  runs: RunTable,
  steps: RunSteps,
  pointers: PointerTable,
  insertVersion: VersionInsert,
) {
  const { audit, changes, lookup, now, write, read } = session;

  const nextPlace = (name: string, environment: string): ValuePlace => {
    const { id } = lookup.requireSecret(name);
    const version = (pointers.get(id, environment)?.last_version ?? 0) + 1;
    return { environment, secretId: id, version };
  };

  /** False when the number was taken meanwhile. */
  const add = (
    at: VersionPlace,
    { place, sealed }: SealedAt,
    isReserved: boolean,
    own: { actor: Actor; note: string; fields: readonly string[]; expiresAtMs: number | null },
  ): boolean => {
    if (at.secret.id !== place.secretId || at.version !== place.version) return false;
    if (!isReserved && !pointers.claim(at)) return false;
    const { actor, note, fields, expiresAtMs } = own;
    const createdAtMs = now();
    insertVersion(at, { createdAtMs, createdBy: actor.name, expiresAtMs, note, fields, sealed });
    const names = { secret: at.secret.name, environment: at.environment };
    changes.append({ kind: 'version', ...names });
    return true;
  };

  const told = (
    { secret, environment, version }: VersionPlace,
    actor: Actor,
    run: RunRow,
    state: 'staged' | 'current',
  ): void =>
    audit.append({
      actor,
      action: 'version.add',
      secret: secret.name,
      environment,
      detail: { version, state, run: run.id },
    });

  const renewCredential = (
    row: RunRow,
    actor: Actor,
    { secret, ...sealedAt }: SealedMinting['credentials'][number],
  ): boolean => {
    const { version } = sealedAt.place;
    const at = {
      secret: lookup.requireSecret(secret),
      environment: PROVIDERS_ENVIRONMENT,
      version,
    };
    const note = `Renewed by rotation run ${row.id} of "${row.secret}" in ${row.environment}.`;
    const own = { actor, note, fields: [], expiresAtMs: null };
    if (!add(at, sealedAt, false, own)) return false;
    pointers.makeCurrent(at, now());
    told(at, actor, row, 'current');
    return true;
  };

  /** Undefined when a number was taken meanwhile: seal again. */
  const seal = (
    row: RunRow,
    minting: SealedMinting,
    step: Omit<StepOfRun, 'to' | 'keys'>,
    patch: Partial<RunRow>,
  ): RotationRun | undefined => {
    const { environment, to_version: reserved } = row;
    const { actor } = step;
    if (steps.isSealed(row)) {
      throw new AppError('conflict', `The ${describeRun(row)}: its version has its value already.`);
    }
    const secret = lookup.requireSecret(row.secret);
    const version = reserved ?? minting.place.version;
    const at = { secret, environment, version };
    const { fields, expiresAtMs } = minting;
    const own = { actor, note: `Rotation run ${row.id}.`, fields, expiresAtMs };
    if (!add(at, minting, reserved !== null, own)) return undefined;
    const fromVersion =
      reserved === null
        ? (pointers.get(secret.id, environment)?.current_version ?? null)
        : row.from_version;
    const keyId = step.changes?.newKeyId === undefined ? row.new_key_id : step.changes.newKeyId;
    const run = steps.take(
      row,
      { ...step, to: 'MINTED', keys: [{ version, state: 'live', keyId }] },
      { ...patch, to_version: version, from_version: fromVersion },
    );
    told(at, actor, row, 'staged');
    for (const credential of minting.credentials) {
      if (!renewCredential(row, actor, credential)) throw new NumberTaken();
    }
    return run;
  };

  const sealing = (work: () => RotationRun | undefined): RotationRun | undefined => {
    try {
      return write(() => {
        const run = work();
        if (run === undefined) throw new NumberTaken();
        return run;
      });
    } catch (error) {
      if (error instanceof NumberTaken) return undefined;
      throw error;
    }
  };

  return {
    /** What the values of a minting are to be sealed for. */
    placesToSeal({ id, credentials }: { id: string; credentials: readonly string[] }): {
      minted: ValuePlace;
      credentials: ValuePlace[];
    } {
      return read(() => {
        const { secret, environment, to_version: reserved } = runs.requireOpen(id);
        const next = nextPlace(secret, environment);
        return {
          minted: reserved === null ? next : { ...next, version: reserved },
          credentials: credentials.map((name) => nextPlace(name, PROVIDERS_ENVIRONMENT)),
        };
      });
    },

    /** Undefined when a number was taken meanwhile: seal again. */
    sealMinted: (command: HeldStep & { minting: SealedMinting }): RotationRun | undefined =>
      sealing(() => seal(requireHeld(runs, command), command.minting, command, {})),

    giveValue: (command: {
      actor: Actor;
      id: string;
      keyId: string | undefined;
      minting: SealedMinting;
    }): RotationRun | undefined =>
      sealing(() => {
        const row = runs.requireOpen(command.id);
        if (row.state !== 'AWAITING_VALUE') {
          throw new AppError('conflict', `The ${describeRun(row)}: it waits for no value.`);
        }
        const { actor, keyId } = command;
        const changes = keyId === undefined ? {} : { newKeyId: keyId };
        const step = { actor, changes, note: 'The new value was given.' };
        return seal(row, command.minting, step, { epoch: row.epoch + 1, ...NO_HOLDER });
      }),
  };
}

/** Takes the transaction back. */
class NumberTaken extends Error {}
