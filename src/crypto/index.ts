/**
 * crypto: seals and opens values, wraps and unwraps keys, makes and checks tokens, encrypts backups, signs; loads
 * the root key that all of it hangs on. The only home of libsodium. Imports core/ and Node's own crypto and
 * file system.
 */
export type { BackupHeader } from './backup-format.js';
export { decryptBackup, readBackupHeader } from './decrypt-backup.js';
export { encryptBackup } from './encrypt-backup.js';
export { Keyring, rewrap } from './keyring.js';
export {
  generateRootKey,
  loadRootKey,
  newPassphraseParameters,
  type RootKeySource,
  writeRootKey,
} from './root-key.js';
export { createSealer } from './seal-value.js';
export { createSigner, verifySignature } from './sign.js';
export {
  type AuditKey,
  createStoredKeys,
  type OpenedKeys,
  openStoredKeys,
  rewrapStoredKeys,
} from './stored-keys.js';
export { createTokens } from './tokens.js';
export { syncFolder, writePrivateFile } from './write-private-file.js';
