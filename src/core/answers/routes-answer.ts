import type { Problem } from '../errors.js';
import type { RoutesDocument } from '../route.js';

/** The applied routes, or one revision of them, as the admin API shows it. */
export interface RoutesAnswer extends RevisionAnswer {
  /** Without routes before the first revision. */
  readonly document: RoutesDocument;
}

export interface RevisionAnswer {
  /** 0 before the first. */
  readonly revision: number;
  readonly createdAt: string | null;
  readonly createdBy: string | null;
  readonly source: 'file' | 'api' | null;
  readonly restores: number | null;
}

export interface AppliedAnswer extends RevisionAnswer {
  readonly warnings: readonly Problem[];
}

export interface ValidationAnswer {
  readonly valid: boolean;
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
}
