import {
  AppError,
  MAX_VALUE_BYTES,
  type RotationStore,
  type Sealer,
  type SecretValue,
} from '../core/index.js';
import type { DatabaseWorker } from './database-worker.js';
import { materialContext } from './sqlite/material-context.js';
import type { SealedMinting } from './sqlite/seal-minted.js';

/** What a provider or a person gave. */
interface Given {
  readonly value: SecretValue;
  readonly fields?: readonly string[] | undefined;
  readonly expiresAtMs?: number | undefined;
  readonly credentials?: readonly { readonly secret: string; readonly value: SecretValue }[];
}

/** The part of the store that keeps rotations. Values and material are sealed and opened on this side. */
export function createRotationCalls(
  { databaseId, call }: DatabaseWorker,
  sealer: Sealer,
  emptyLog: () => Promise<void>,
): RotationStore {
  /** Seals what was given for where it goes, again while another writer takes the numbers. */
  const sealUntil = async <Result>(
    id: string,
    { value, fields, expiresAtMs, credentials = [] }: Given,
    save: (minting: SealedMinting) => Promise<Result | undefined>,
  ): Promise<Result> => {
    for (const given of [value, ...credentials.map((credential) => credential.value)]) {
      requireValueSize(given);
    }
    const names = credentials.map(({ secret }) => secret);
    for (;;) {
      const places = await call('placesToSeal', { id, credentials: names });
      const sealed = credentials.flatMap((credential, index) => {
        const place = places.credentials[index];
        if (place === undefined) return [];
        const context = { databaseId, ...place };
        const { secret } = credential;
        return [{ secret, place, sealed: sealer.seal(credential.value, context) }];
      });
      const place = places.minted;
      const saved = await save({
        place,
        sealed: sealer.seal(value, { databaseId, ...place }),
        fields: fields ?? [],
        expiresAtMs: expiresAtMs ?? null,
        credentials: sealed,
      });
      if (saved === undefined) continue;
      await emptyLog();
      return saved;
    }
  };

  return {
    enableRotation: (command) => call('enableRotation', command),
    updateRotation: (command) => call('updateRotation', command),
    setRotationState: (command) => call('setRotationState', command),
    disableRotation: (command) => call('disableRotation', command),
    getRotation: (id) => call('getRotation', id),
    findRotation: (secret, environment) => call('findRotation', { secret, environment }),
    listRotations: (filter) => call('listRotations', filter),
    planRotation: (command) => call('planRotation', command),
    nextDueAtMs: () => call('nextDueAtMs'),
    dueRotations: (atMs, limit) => call('dueRotations', { atMs, limit }),

    startRun: (command) => call('startRun', command),
    getRun: (id) => call('getRun', id),
    listRuns: (rotationId, page) => call('listRuns', { ...page, rotationId }),
    runEvents: (id) => call('runEvents', id),
    claimableRuns: (limit) => call('claimableRuns', limit),
    claimRun: (command) => call('claimRun', command),
    renewLease: (command) => call('renewLease', command),
    releaseRun: (lease) => call('releaseRun', lease),
    advanceRun: (command) => call('advanceRun', command),

    reserveVersion({ material, ...command }) {
      const context = materialContext(databaseId, command.lease.id, command.stepId);
      const sealed = material === undefined ? null : sealer.seal(material, context);
      return call('reserveVersion', { ...command, material: sealed });
    },
    async openMaterial(lease) {
      const found = await call('sealedMaterial', lease);
      if (found === undefined) return undefined;
      return sealer.open(found.sealed, materialContext(databaseId, lease.id, found.stepId));
    },
    sealMinted({ value, fields, expiresAtMs, credentials, ...command }) {
      const given = { value, fields, expiresAtMs, ...(credentials && { credentials }) };
      return sealUntil(command.lease.id, given, (minting) =>
        call('sealMinted', { ...command, minting }),
      );
    },
    directRun: (command) => call('directRun', command),
    giveValue({ actor, id, keyId, ...given }) {
      return sealUntil(id, given, (minting) => call('giveValue', { actor, id, keyId, minting }));
    },
    providerKeys: (secret, environment) => call('providerKeys', { secret, environment }),
  };
}

/** Throws `value_invalid`. */
export function requireValueSize({ byteLength }: SecretValue): void {
  if (byteLength >= 1 && byteLength <= MAX_VALUE_BYTES) return;
  throw new AppError(
    'value_invalid',
    `The value has ${byteLength} bytes; expected 1 to ${MAX_VALUE_BYTES}.`,
  );
}
