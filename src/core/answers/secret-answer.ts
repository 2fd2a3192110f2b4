import type { AgeMark } from '../age-mark.js';
import type { CutoverState } from '../cutover.js';
import type { Criticality, SecretKind } from '../secret.js';
import type { SecretAges } from '../secret-ages.js';
import type { RotationOfSecret } from './rotation-answer.js';

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
  /** What was said of these two; null = nothing. */
  readonly asSet: {
    readonly rotateEveryDays: number | null;
    readonly maximumAgeDays: number | null;
  };
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly environments: readonly SecretEnvironmentAnswer[];
  /** Of the oldest current version. */
  readonly ageDays: number | null;
  /** The worst of its environments. */
  readonly mark: AgeMark | null;
  /** The earliest of its environments. */
  readonly nextRotationAt: string | null;
  readonly routes: readonly string[];
  /** The same by environment, also where it has no version. */
  readonly routesByEnvironment: Readonly<Record<string, readonly string[]>>;
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
  /** By its rotation, or else when a person is to replace the current version. */
  readonly nextRotationAt: string | null;
  readonly stagedVersions: readonly number[];
  readonly versions: number;
  readonly lastUsedAt: string | null;
  /** The cutover that is under way. */
  readonly cutover: {
    readonly id: string;
    readonly state: CutoverState;
    readonly percent: number;
  } | null;
  /** Null = by hand. */
  readonly rotation: RotationOfSecret | null;
}

/** A secret as it is shown by itself. */
export interface SecretDetail extends SecretAnswer {
  readonly environments: readonly (SecretEnvironmentAnswer & {
    readonly consumers: readonly ConsumerAnswer[];
  })[];
  readonly usage: readonly UsageAnswer[];
  /** When the routes ceased to name it; null while they do, or never did. */
  readonly unnamedSince: string | null;
}

/** A route, and a client that used it. */
export interface ConsumerAnswer {
  readonly route: string;
  /** The applied route names the secret. */
  readonly applied: boolean;
  /** Null where nobody has used the route. */
  readonly client: string | null;
  readonly version: number | null;
  readonly lastUsedAt: string | null;
}

/** Current versions by age, as the admin API counts them. */
export interface SecretAgesAnswer extends Pick<SecretAges, 'environments'> {
  /** Null where they were not counted yet, or may not be seen. */
  readonly countedAt: string | null;
}
