import type { AuditVerification } from '../audit.js';

/** A row of the audit log as the admin API shows it. */
export interface AuditRowAnswer {
  readonly seq: number;
  readonly at: string;
  readonly actor: { readonly type: string; readonly id: string; readonly name: string };
  readonly action: string;
  readonly secret: string | null;
  readonly environment: string | null;
  /** Names and numbers only. */
  readonly detail: Readonly<Record<string, unknown>>;
}

export type AuditVerificationAnswer = AuditVerification;
