import { isUtf8 } from 'node:buffer';
import type { GivenValue, RevokeReasonCode } from '../core/index.js';
import { type ApiClient, segment } from './api-client.js';

/** A version as the admin API shows it: everything but the value. */
export interface VersionAnswer {
  readonly secret: string;
  readonly environment: string;
  readonly version: number;
  readonly state: 'staged' | 'current' | 'previous' | 'revoked' | 'destroyed';
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
}

/** The path of the versions of one secret in one environment. */
export function versionsPath(secret: string, environment: string): string {
  return `/v1/secrets/${segment(secret)}/environments/${segment(environment)}/versions`;
}

/** Adds the next version. */
export function sendValue(
  api: ApiClient,
  target: { readonly secret: string; readonly environment: string },
  given: GivenValue,
  attributes: {
    readonly expiresAt?: string;
    readonly note?: string;
    /** Throws `value_unchanged` where the newest version holds this value. */
    readonly ifChanged?: boolean;
  } = {},
): Promise<VersionAnswer> {
  const body = { ...valueBody(given), ...attributes };
  return api.post<VersionAnswer>(versionsPath(target.secret, target.environment), body);
}

function valueBody(given: GivenValue): Record<string, unknown> {
  if (given.type === 'fields') {
    return {
      value: Object.fromEntries(
        [...given.fields].map(([name, value]) => [name, new TextDecoder().decode(value.expose())]),
      ),
    };
  }
  const bytes = Buffer.from(given.value.expose());
  return isUtf8(bytes)
    ? { value: bytes.toString('utf8') }
    : { valueBase64: bytes.toString('base64') };
}
