import { isUtf8 } from 'node:buffer';
import type { GivenValue, VersionAnswer } from '../core/index.js';
import { type ApiClient, segment } from './api-client.js';

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

/** The value as the API takes it. */
export function valueBody(given: GivenValue): Record<string, unknown> {
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
