import { isUtf8 } from 'node:buffer';
import { AppError } from '../core/index.js';

/** A target in the one spelling that AWS services and signers agree on. */
export interface AwsTarget {
  readonly path: string;
  readonly query: string;
  /** The query decoded. */
  readonly parameters: Record<string, string | string[]>;
}

/**
 * Spells a target so that everything but unreserved characters is percent-encoded, once. A service works out
 * the signed form from what it decodes: a target that is spelt otherwise would be signed as another one than
 * it sees. Throws `request_rejected` for a query that cannot be signed.
 */
export function readAwsTarget(path: string, query: string): AwsTarget {
  const parameters = new Map<string, string | string[]>();
  const pairs: string[] = [];
  for (const pair of query.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const rawName = respell(asSpace(equals === -1 ? pair : pair.slice(0, equals)));
    const rawValue = equals === -1 ? '' : respell(asSpace(pair.slice(equals + 1)));
    pairs.push(equals === -1 ? rawName : `${rawName}=${rawValue}`);
    const name = decode(rawName);
    const value = decode(rawValue);
    const known = parameters.get(name);
    if (known === undefined) parameters.set(name, value);
    else if (typeof known === 'string') parameters.set(name, [known, value]);
    else known.push(value);
  }
  // The library would lose it.
  if (parameters.has('__proto__')) throw refusal('has a parameter named __proto__');
  return {
    path: path.split('/').map(respell).join('/'),
    query: pairs.join('&'),
    parameters: Object.fromEntries(parameters),
  };
}

/** As readers of queries do. */
function asSpace(text: string): string {
  return text.replaceAll('+', '%20');
}

function respell(text: string): string {
  return text.replace(
    /%([0-9A-Fa-f]{2})|[^A-Za-z0-9._~-]/g,
    (character, digits: string | undefined) => {
      const code = digits === undefined ? character.charCodeAt(0) : Number.parseInt(digits, 16);
      const plain = String.fromCharCode(code);
      if (/[A-Za-z0-9._~-]/.test(plain)) return plain;
      return `%${code.toString(16).toUpperCase().padStart(2, '0')}`;
    },
  );
}

function decode(spelt: string): string {
  const latin1 = spelt.replace(/%([0-9A-F]{2})/g, (_all, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
  const bytes = Buffer.from(latin1, 'latin1');
  if (!isUtf8(bytes)) throw refusal('is not UTF-8');
  return bytes.toString('utf8');
}

function refusal(why: string): AppError {
  return new AppError(
    'request_rejected',
    `The query ${why}, and AWS signatures cannot cover that. Nothing was sent.`,
  );
}
