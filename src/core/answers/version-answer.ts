import type { RevokeReasonCode } from '../revoke-safety.js';
import type { ProviderKeyState } from '../rotation.js';
import type { VersionState } from '../secret.js';

/** A version as the admin API shows it. */
export interface VersionAnswer {
  readonly secret: string;
  readonly environment: string;
  readonly version: number;
  readonly state: VersionState;
  readonly createdAt: string;
  readonly createdBy: string;
  readonly activatedAt: string | null;
  readonly expiresAt: string | null;
  readonly note: string | null;
  readonly fields: readonly string[];
  readonly lastUsedAt: string | null;
  /** Only in lists; null for one that was revoked or destroyed. */
  readonly safeToRevoke?: {
    readonly safe: boolean;
    readonly reasons: readonly { readonly code: RevokeReasonCode; readonly message: string }[];
    readonly safeFrom: string | null;
  } | null;
  /** Likewise; null where no provider made it. */
  readonly providerKey?: {
    readonly state: ProviderKeyState;
    readonly keyId: string | null;
  } | null;
}
