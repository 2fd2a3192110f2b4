import type { AuditPosition } from './audit.js';
import type { Signer } from './ports.js';

/**
 * What the server states about its audit log, signed: anyone can check it with the public key, nobody can make it
 * with that.
 */
export interface AuditCheckpoint {
  readonly databaseId: string;
  /** Number of the newest row. */
  readonly seq: number;
  /** Rows in the log: fewer than `seq` where older ones were pruned. */
  readonly rows: number;
  /** RFC 3339, by the server's clock. */
  readonly at: string;
  /** Of the newest row: it holds all rows before it. */
  readonly mac: string;
  /** Ed25519 (RFC 8032), base64url. */
  readonly publicKey: string;
  readonly signature: string;
}

/** The last line of an export: what stands before it is whole. */
export interface AuditExportEnd {
  readonly rows: number;
  /** What was asked for; empty = every row. */
  readonly filters: Readonly<Record<string, string>>;
  /** Over every line before this one with its line feed, base64url. */
  readonly sha256: string;
  /** The log as it was when the export began. */
  readonly checkpoint: AuditCheckpoint;
  readonly signature: string;
}

/** What the signature of a checkpoint is made over. */
export function checkpointText({
  databaseId,
  seq,
  rows,
  at,
  mac,
  publicKey,
}: Omit<AuditCheckpoint, 'signature'>): string {
  return JSON.stringify(['keyferry audit checkpoint 1', databaseId, seq, rows, at, mac, publicKey]);
}

/** What the signature of an export is made over. */
export function exportText(end: Omit<AuditExportEnd, 'signature'>): string {
  const { rows, filters, sha256, checkpoint } = end;
  const text = checkpointText(checkpoint);
  return JSON.stringify(['keyferry audit export 1', rows, filters, sha256, text]);
}

/** States that the log holds `position` now. */
export function signCheckpoint(
  { seq, rows, mac }: AuditPosition & { readonly rows: number },
  databaseId: string,
  nowMs: number,
  signer: Signer,
): AuditCheckpoint {
  const { publicKey } = signer;
  const stated = { databaseId, seq, rows, at: new Date(nowMs).toISOString(), mac, publicKey };
  return { ...stated, signature: signer.sign(checkpointText(stated)) };
}
