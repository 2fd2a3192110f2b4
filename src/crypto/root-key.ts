import { randomBytes, scrypt } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import {
  AppError,
  type PassphraseParameters,
  requirePrivateMode,
  SecretValue,
} from '../core/index.js';
import { KEY_BYTES, randomKey } from './aead.js';
import { writePrivateFile } from './write-private-file.js';

/** Where the root key comes from. A value is the text that a key file would hold. */
export type RootKeySource =
  | { readonly type: 'file'; readonly file: string }
  | { readonly type: 'value'; readonly value: SecretValue }
  | { readonly type: 'passphrase'; readonly passphrase: SecretValue };

const EXPECTED_TEXT = 'expected 43 base64url characters or 64 hexadecimal digits (32 bytes)';
const MINIMUM_PASSPHRASE_BYTES = 12;

/**
 * Loads the 32 bytes of the root key. `parameters` are those kept with the data, for a passphrase.
 * Throws `root_key_missing` (no file), `permissions_loose`, `config_invalid` (not a key, passphrase too
 * short), `root_key_wrong` (a passphrase for data that was not made with one).
 */
export async function loadRootKey(
  source: RootKeySource,
  parameters?: PassphraseParameters,
): Promise<SecretValue> {
  switch (source.type) {
    case 'file':
      return parseRootKey(await readKeyFile(source.file), source.file);
    case 'value':
      return parseRootKey(Buffer.from(source.value.expose()).toString('latin1'), 'the value given');
    case 'passphrase':
      if (parameters === undefined) {
        throw new AppError(
          'root_key_wrong',
          'A passphrase was given, but this database was made with a root key, not with a passphrase. Give the root key file or value.',
        );
      }
      return deriveFromPassphrase(source.passphrase, parameters);
  }
}

export function generateRootKey(): SecretValue {
  return SecretValue.fromBytes(randomKey());
}

/** Writes a root key to a new 0600 file, durably, as base64url text and a newline. */
export async function writeRootKey(file: string, key: SecretValue): Promise<void> {
  await writePrivateFile(file, `${Buffer.from(key.expose()).toString('base64url')}\n`);
}

/** 2^17, 8, 1 take about 128 MiB and a third of a second (OWASP Password Storage Cheat Sheet). */
export function newPassphraseParameters(): PassphraseParameters {
  return {
    algorithm: 'scrypt',
    salt: randomBytes(16).toString('base64url'),
    cost: 2 ** 17,
    blockSize: 8,
    parallelization: 1,
  };
}

async function readKeyFile(file: string): Promise<string> {
  try {
    requirePrivateMode(file, (await stat(file)).mode, 'file');
    return await readFile(file, 'latin1');
  } catch (error) {
    if (error instanceof AppError) throw error;
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      throw new AppError(
        'root_key_missing',
        `There is no root key file ${file}. Name its place with --root-key-file.`,
        {
          cause: error,
        },
      );
    }
    throw new AppError('root_key_missing', `The root key file ${file} cannot be read.`, {
      cause: error,
    });
  }
}

function parseRootKey(content: string, where: string): SecretValue {
  const text = content.trim();
  if (/^[0-9a-fA-F]{64}$/.test(text)) return SecretValue.fromBytes(Buffer.from(text, 'hex'));
  if (/^[A-Za-z0-9_+/-]{43}=?$/.test(text)) {
    return SecretValue.fromBytes(Buffer.from(text, 'base64url'));
  }
  throw new AppError(
    'config_invalid',
    `The root key in ${where} is ${text.length} characters that are not a key: ${EXPECTED_TEXT}.`,
  );
}

const scryptAsync = promisify<Buffer, Buffer, number, object, Buffer>(scrypt);

async function deriveFromPassphrase(
  passphrase: SecretValue,
  parameters: PassphraseParameters,
): Promise<SecretValue> {
  if (passphrase.byteLength < MINIMUM_PASSPHRASE_BYTES) {
    throw new AppError(
      'config_invalid',
      `The passphrase has ${passphrase.byteLength} bytes; expected at least ${MINIMUM_PASSPHRASE_BYTES}.`,
    );
  }
  const { cost, blockSize, parallelization } = parameters;
  const derived = await scryptAsync(
    Buffer.from(passphrase.expose()),
    Buffer.from(parameters.salt, 'base64url'),
    KEY_BYTES,
    // scrypt needs 128 * cost * blockSize bytes; Node refuses without some room above that.
    { cost, blockSize, parallelization, maxmem: 256 * cost * blockSize },
  );
  return SecretValue.fromBytes(derived);
}
