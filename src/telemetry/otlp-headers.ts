import { AppError, type SecretValue } from '../core/index.js';

/** RFC 9110 section 5.6.2. */
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const VALUE = /^[\x20-\x7e]+$/;
/** The exporter's own: another would break the request. */
const TAKEN = /^(?:host|content-\w+|transfer-encoding|connection|expect|te|trailer|upgrade)$/i;

/**
 * Headers for the OTLP receiver, from `name=value,…` with percent-encoded values (as OpenTelemetry writes them).
 * Throws `config_invalid`, which says which entry is wrong and never what it holds.
 */
export function parseOtlpHeaders(text: SecretValue): Readonly<Record<string, string>> {
  const headers = new Map<string, string>();
  const entries = Buffer.from(text.expose()).toString().split(',');
  for (const [index, entry] of entries.entries()) {
    const mark = entry.indexOf('=');
    const name = entry.slice(0, mark).trim();
    const value = decode(entry.slice(mark + 1).trim());
    if (mark === -1 || !NAME.test(name) || value === undefined || !VALUE.test(value)) {
      throw invalid(index, 'name=value is expected, the value percent-encoded and in ASCII');
    }
    if (TAKEN.test(name) || headers.has(name.toLowerCase())) {
      throw invalid(index, "its header is given twice, or is the request's own");
    }
    headers.set(name.toLowerCase(), value);
  }
  return Object.fromEntries(headers);
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function invalid(index: number, message: string): AppError {
  return new AppError('config_invalid', `KEYFERRY_OTLP_HEADERS: entry ${index + 1}: ${message}`);
}
