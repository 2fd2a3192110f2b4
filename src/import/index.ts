/**
 * import: the values that files and other stores of secrets hold, read for the command line. Keeps nothing, and
 * prints nothing. Imports only core/, signature-v4 and Node's own.
 */
export { type AwsSecretsOptions, readAwsSecrets } from './read-aws-secrets.js';
export { readEnvFile } from './read-env-file.js';
export { readJsonFile } from './read-json-file.js';
export { readVault, type VaultOptions } from './read-vault.js';
