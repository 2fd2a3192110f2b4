import type { RunState } from '../../src/core/index.js';

/** The states of a run that goes well. */
export const WAY_OF_A_RUN: readonly RunState[] = [
  'PLANNED',
  'PREFLIGHT',
  'MINTING',
  'MINTED',
  'PROBING',
  'CUTOVER',
  'GRACE',
  'DISABLING',
  'SOAK',
  'REVOKING',
  'DONE',
];
