import type { SealContext } from '../../core/index.js';

/** No environment has such a name. */
const MATERIALS = '_rotation-runs';

/** What the material of a rotation run is sealed for: one step of one run. */
export function materialContext(databaseId: string, runId: string, stepId: string): SealContext {
  return { databaseId, environment: MATERIALS, secretId: `${runId} ${stepId}`, version: 0 };
}
