/**
 * What is done to a data folder while no server runs on it (`rekey`, `restore`), or beside one (`doctor`).
 * Composes crypto and store, as open-store.ts does for a server.
 */
export { type Check, type DoctorOptions, doctor } from './maintenance/doctor.js';
export { type RekeyOptions, type RekeyResult, rekey } from './maintenance/rekey.js';
export { type RestoreOptions, type RestoreResult, restore } from './maintenance/restore.js';
