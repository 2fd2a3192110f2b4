import {
  type CanonicalName,
  type CompiledCanonical,
  compileCanonical,
  compileTemplate,
  type HmacOptions,
  normaliseHeaderName,
  type Placements,
  type SignOptions,
  signingHeaders,
} from '../core/index.js';
import { checkTemplate, headerNameProblem } from './check-placements.js';
import type { Finding, JsonPath } from './finding.js';
import type { Salvaged } from './salvage.js';

/** Checks how a route signs: one way of it, names of headers, texts that compile and are sent whole. */
export function checkSigning(sign: Salvaged<SignOptions>, path: JsonPath): Finding[] {
  const findings: Finding[] = [];
  if (('hmac' in sign ? 1 : 0) + ('aws' in sign ? 1 : 0) !== 1) {
    const message = 'one of hmac and aws is expected';
    findings.push({ path, severity: 'error', message });
  }
  if (sign.hmac !== undefined) checkHmac(sign.hmac, [...path, 'hmac'], findings);
  const { credentials } = sign.aws ?? {};
  if (credentials !== undefined) {
    const here = [...path, 'aws', 'credentials'];
    const { template } = compileTemplate(credentials);
    const [part, ...more] = template.parts;
    if (more.length > 0 || part?.type !== 'secret' || part.reference.field !== undefined) {
      const message =
        '<<secret:NAME>> is expected and nothing else: a secret with the fields accessKeyId and secretAccessKey';
      findings.push({ path: here, severity: 'error', message });
    }
  }
  return findings;
}

function checkHmac(hmac: Salvaged<HmacOptions>, path: JsonPath, findings: Finding[]): void {
  const error = (keys: JsonPath, message: string): void => {
    findings.push({ path: [...path, ...keys], severity: 'error', message });
  };
  const { header, timestamp, nonce } = hmac;
  const named: readonly (readonly [JsonPath, string | undefined])[] = [
    [['header'], header],
    [['timestamp', 'header'], timestamp?.header],
    [['nonce', 'header'], nonce?.header],
  ];
  const seen = new Set<string>();
  for (const [keys, name] of named) {
    if (name === undefined) continue;
    const problem = headerNameProblem(name);
    if (problem !== undefined) error(keys, problem);
    else if (seen.has(normaliseHeaderName(name))) error(keys, `${name} is used twice`);
    seen.add(normaliseHeaderName(name));
  }
  if (hmac.key !== undefined) {
    const { references } = checkTemplate(hmac.key, [...path, 'key'], findings);
    if (references.length === 0) error(['key'], 'a secret is expected, as <<secret:NAME>>');
  }
  const prefix = checkText(hmac.prefix, ['prefix'], /(?!\t)\p{Cc}/u, error);
  const canonical = checkText(hmac.canonical, ['canonical'], /(?![\t\r\n])\p{Cc}/u, error);
  for (const part of prefix?.parts ?? []) {
    if (part.type === 'header' || (part.type === 'request' && !IN_PREFIX.has(part.name))) {
      error(['prefix'], 'of the request, only <<timestamp>> and <<nonce>> can stand here');
    }
  }
  const sends = (name: CanonicalName, own: string | undefined): void => {
    if (own !== undefined || !holds(canonical, name) || holds(prefix, name)) return;
    error(['canonical'], `<<${name}>> is signed, but not sent: set ${name}.header`);
  };
  sends('timestamp', timestamp?.header);
  sends('nonce', nonce?.header);
}

const IN_PREFIX: ReadonlySet<CanonicalName> = new Set<CanonicalName>(['timestamp', 'nonce']);

function checkText(
  text: string | undefined,
  keys: JsonPath,
  forbidden: RegExp,
  error: (keys: JsonPath, message: string) => void,
): CompiledCanonical | undefined {
  if (text === undefined) return undefined;
  const compiled = compileCanonical(text);
  for (const { at, message } of compiled.problems) {
    error(keys, `${message} (at character ${at + 1})`);
  }
  const control = text.search(forbidden);
  if (control !== -1) error(keys, `character ${control + 1} is a control character`);
  return compiled;
}

function holds(compiled: CompiledCanonical | undefined, name: CanonicalName): boolean {
  return compiled?.parts.some((part) => part.type === 'request' && part.name === name) ?? false;
}

type Merged = Pick<Salvaged<Placements>, 'headers' | 'sign' | 'body'>;

/** Headers that two parts of a route would both decide about. `path` is the route's or the environment's. */
export function checkOverlaps({ headers, sign, body }: Merged, path: JsonPath): Finding[] {
  const whole = sign?.aws !== undefined || sign?.hmac?.header !== undefined;
  const signed = whole ? signingHeaders(sign as SignOptions) : [];
  const taken = new Set(signed.map(normaliseHeaderName));
  const findings: Finding[] = [];
  for (const name of Object.keys(headers ?? {})) {
    const same = normaliseHeaderName(name);
    const here = [...path, 'headers', name];
    if (taken.has(same)) {
      const message = `${name} is set by "sign" as well; keep one`;
      findings.push({ path: here, severity: 'error', message });
    } else if (body !== undefined && (same === 'content-type' || same === 'content-encoding')) {
      const message = `${name} says how to read the body that "body" changes: it must be the client's`;
      findings.push({ path: here, severity: 'error', message });
    }
  }
  return findings;
}
