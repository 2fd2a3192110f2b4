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
  /** Under which key of the server the row's mac is. */
  readonly keyId: string;
  /** Over the row and the mac before it; base64url. */
  readonly mac: string;
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

export const AUDIT_FINDINGS = [
  'altered',
  'missing',
  'added',
  'damaged',
  'head_altered',
  'checkpoint_missing',
  'checkpoint_differs',
] as const;

/**
 * What is wrong with the audit log. `altered`: a row does not say what was written, or not in its place; `missing`:
 * rows were removed before it, or the newest ones; `added`: it stands before the first; `damaged`: the file cannot be
 * read there; `head_altered`: every row fits, and the head is not that of the newest one; `checkpoint_missing` and
 * `checkpoint_differs`: the rows fit each other, and are not those that the checkpoint was made of.
 */
export type AuditFinding = (typeof AUDIT_FINDINGS)[number];

export interface AuditVerification {
  readonly ok: boolean;
  /** Rows that fit, from the oldest on. */
  readonly rows: number;
  /** Rows up to this one were pruned when they were older than the log is kept; absent where none were. */
  readonly prunedThrough?: number;
  /** Number of the first row that does not fit the one before it. */
  readonly firstBroken?: number;
  readonly finding?: AuditFinding;
  /** Where one was given: whether its row is still there, or was pruned since. */
  readonly checkpoint?: 'contained' | 'pruned';
}

/** The newest row of the audit log, by which all rows before it are held. */
export interface AuditPosition {
  readonly seq: number;
  /** base64url; 43 characters. */
  readonly mac: string;
}

/** What was pruned from the audit log. */
export interface AuditPruning {
  readonly rows: number;
  /** There is more to prune now. */
  readonly more: boolean;
  /** The oldest row that is left was altered: nothing from it on is pruned. */
  readonly firstBroken: number | undefined;
}
