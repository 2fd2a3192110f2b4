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

/** Whether the rows that decide something are as Keyferry wrote them. */
export interface RowVerification {
  readonly rows: number;
  /** Rows that were altered, exchanged, put back or added, by what they say they are. */
  readonly altered: readonly string[];
  /** Rows that should be there and are not. */
  readonly missing: number;
  /** False when what they are checked by was altered: then no row can be trusted. */
  readonly headFits: boolean;
}

export interface AuditVerification {
  readonly ok: boolean;
  readonly rows: number;
  /** Number of the first row that does not fit the one before it. */
  readonly firstBroken?: number;
}
