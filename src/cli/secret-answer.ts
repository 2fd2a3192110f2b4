import type { AgeMark, Criticality, CutoverState, SecretKind } from '../core/index.js';

/** A secret as the admin API shows it. */
export interface SecretAnswer {
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  readonly owner: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly allowedHosts: readonly string[];
  readonly kind: SecretKind;
  readonly criticality: Criticality;
  /** As set, or the recommendation for its kind and criticality. */
  readonly rotateEveryDays: number;
  readonly maximumAgeDays: number;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly environments: readonly SecretEnvironmentAnswer[];
  readonly routes: readonly string[];
  readonly clients: readonly string[];
  readonly lastUsedAt: string | null;
}

/** Who used which version, newest first. */
export interface UsageAnswer {
  readonly environment: string;
  readonly version: number;
  readonly route: string;
  readonly client: string;
  readonly accepted: number;
  readonly refused: number;
  readonly failed: number;
  readonly lastUsedAt: string;
}

export interface SecretEnvironmentAnswer {
  readonly environment: string;
  readonly currentVersion: number | null;
  readonly previousVersion: number | null;
  readonly currentSince: string | null;
  readonly currentCreatedAt: string | null;
  /** Of the current version. */
  readonly expiresAt: string | null;
  readonly ageDays: number | null;
  readonly mark: AgeMark | null;
  readonly stagedVersions: readonly number[];
  readonly versions: number;
  readonly lastUsedAt: string | null;
  /** The cutover that is under way. */
  readonly cutover: {
    readonly id: string;
    readonly state: CutoverState;
    readonly percent: number;
  } | null;
}
