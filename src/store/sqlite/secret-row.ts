import type { Criticality, Secret, SecretKind } from '../../core/index.js';

export interface SecretRow {
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  readonly owner: string | null;
  readonly labels: string;
  readonly allowed_hosts: string;
  readonly kind: SecretKind;
  readonly criticality: Criticality;
  readonly rotate_every_days: number | null;
  readonly maximum_age_days: number | null;
  readonly created_at_ms: number;
  readonly updated_at_ms: number;
}

export function toSecret(row: SecretRow): Secret {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    owner: row.owner,
    labels: JSON.parse(row.labels),
    allowedHosts: JSON.parse(row.allowed_hosts),
    kind: row.kind,
    criticality: row.criticality,
    rotateEveryDays: row.rotate_every_days,
    maximumAgeDays: row.maximum_age_days,
    createdAtMs: row.created_at_ms,
    updatedAtMs: row.updated_at_ms,
  };
}

export function toSecretRow(secret: Secret): SecretRow {
  return {
    id: secret.id,
    name: secret.name,
    description: secret.description,
    owner: secret.owner,
    labels: JSON.stringify(secret.labels),
    allowed_hosts: JSON.stringify(secret.allowedHosts),
    kind: secret.kind,
    criticality: secret.criticality,
    rotate_every_days: secret.rotateEveryDays,
    maximum_age_days: secret.maximumAgeDays,
    created_at_ms: secret.createdAtMs,
    updated_at_ms: secret.updatedAtMs,
  };
}
