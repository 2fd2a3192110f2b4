/**
 * What is done to a data folder while no server runs on it (`rekey`, `restore`, `recoverAdmin`, `acceptRows`), or
 * beside one (`doctor`).
 * Composes crypto and store, as open-store.ts does for a server.
 */
export { type AcceptRowsOptions, acceptRows } from './maintenance/accept-rows.js';
export { type Check, type DoctorOptions, doctor } from './maintenance/doctor.js';
export {
  type RecoverAdminOptions,
  type RecoveredAdmin,
  recoverAdmin,
} from './maintenance/recover-admin.js';
export { type RekeyOptions, type RekeyResult, rekey } from './maintenance/rekey.js';
export { type RestoreOptions, type RestoreResult, restore } from './maintenance/restore.js';
