import type { Rotation } from '../core/index.js';

/**
 * Tries a version where it is used, as `propagationCheck` of the rotation says. Throws `ProviderError`: `refused` for
 * another status than the expected one, `unavailable` where none came.
 */
export type CheckPropagation = (
  rotation: Rotation,
  version: number | null,
  signal: AbortSignal,
) => Promise<void>;
