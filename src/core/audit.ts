/** One row of the audit log: who did what to what, when. Never a value. */
export interface AuditRow {
  readonly seq: number;
  readonly atMs: number;
  readonly actor: { readonly type: string; readonly id: string; readonly name: string };
  /** The permission's own word: `secret.create`, `version.activate`, `routes.apply`, … */
  readonly action: string;
  readonly secret: string | null;
  readonly environment: string | null;
  /** What else a reader needs: version, reason, revision, … Names and numbers only. */
  readonly detail: Readonly<Record<string, unknown>>;
}

export interface AuditVerification {
  readonly ok: boolean;
  readonly rows: number;
  /** Number of the first row that does not fit the one before it. */
  readonly firstBroken?: number;
}
