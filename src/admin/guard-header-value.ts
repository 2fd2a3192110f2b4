import { AppError, compileTemplate, effectiveRoute, type RoutesDocument } from '../core/index.js';
import type { ReadValue } from './read-value.js';

/**
 * Refuses a value that an applied route would place as it is into a header that cannot carry it: CR, LF, NUL
 * and the other control characters but tab (RFC 9110 section 5.5). Base64 forms carry anything. Throws
 * `value_invalid`.
 */
export function guardHeaderValue(
  document: RoutesDocument | undefined,
  secret: string,
  environment: string,
  read: ReadValue,
): void {
  const unfit = new Set(
    [...read.parts].filter(([, part]) => !fits(part.expose())).map(([at]) => at),
  );
  if (unfit.size === 0) return;
  for (const route of document?.routes ?? []) {
    const effective = effectiveRoute(route, environment);
    const { header: signed, prefix } = effective?.sign?.hmac ?? {};
    const headers = [...(effective?.headers ?? [])];
    if (signed !== undefined && prefix !== undefined) headers.push([signed, prefix]);
    for (const [header, text] of headers) {
      for (const part of compileTemplate(text).template.parts) {
        if (part.type !== 'secret' || part.reference.name !== secret) continue;
        // A field of a value that has none is in doubt, so the whole decides.
        if (!unfit.has(part.reference.field ?? '') && !unfit.has('')) continue;
        throw refusal(route.name, environment, header, part.reference.field);
      }
    }
  }
}

function fits(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0x09 || (byte >= 0x20 && byte !== 0x7f));
}

function refusal(
  route: string,
  environment: string,
  header: string,
  field: string | undefined,
): AppError {
  const path = field === undefined ? 'value' : `value.${field}`;
  const message =
    `The value holds a line break, NUL or another control character, and the route "${route}" places it in ` +
    `the header "${header}" in ${environment}, which cannot carry that. A line break at the end is often ` +
    'left by an editor or by echo: send the value without it.';
  return new AppError('value_invalid', message, { problems: [{ path, message }] });
}
