import {
  compileTemplate,
  type EffectiveRoute,
  hostAllowed,
  normaliseHeaderName,
  type Plan,
  type RequestStats,
  type ResolvedValue,
  renderTemplate,
  type SecretReference,
  type SecretUse,
  type Template,
  type Upstream,
  type ValueReference,
} from '../core/index.js';
import { PlacedValues } from './placed-values.js';

/** RFC 9110 section 5.5: a field value has no CR, LF or NUL; undici refuses the other controls too. */
const FORBIDDEN_IN_HEADER = /[^\t\x20-\x7e\x80-\xff]/;

/** A route in one environment whose templates are compiled, but not yet filled. */
export interface PlanSource {
  readonly effective: EffectiveRoute;
  readonly prefixLength: number;
  readonly headers: readonly (readonly [name: string, Template])[];
  readonly query: readonly (readonly [name: string, Template])[];
  /** What the templates name, without duplicates. */
  readonly references: readonly ValueReference[];
  readonly upstream: Upstream;
  readonly stats: RequestStats;
}

export function preparePlan(
  effective: EffectiveRoute,
  prefixLength: number,
  stats: RequestStats,
): PlanSource {
  const headers = compileAll(effective.headers);
  const query = compileAll(effective.query);
  const references = new Map<string, ValueReference>();
  for (const [, template] of [...headers, ...query]) {
    for (const { name, version } of template.references) {
      references.set(`${name}@${version ?? ''}`, {
        secret: name,
        environment: effective.environment,
        version,
      });
    }
  }
  return {
    effective,
    prefixLength,
    headers,
    query,
    references: [...references.values()],
    upstream: upstreamOf(effective),
    stats,
  };
}

/** Fills the templates with the values that `resolve` gives. What cannot be filled becomes `failure`. */
export function renderPlan(
  source: PlanSource,
  resolve: (reference: ValueReference) => ResolvedValue,
): Plan {
  const { effective } = source;
  const { upstream } = effective;
  const uses = new Map<string, SecretUse>();
  let expiresAtMs = Number.POSITIVE_INFINITY;
  const placed = new PlacedValues();
  let failure: Plan['failure'];

  const bytesOf = (reference: SecretReference): Uint8Array => {
    const { environment } = effective;
    const resolved = resolve({ secret: reference.name, environment, version: reference.version });
    if (resolved.status !== 'found') {
      failure ??= failureFor(reference, environment, resolved.status);
      return EMPTY;
    }
    if (!hostAllowed(upstream.hostname, resolved.allowedHosts)) {
      const detail = `The secret "${reference.name}" may not be sent to ${upstream.hostname}: its allowedHosts do not name that host.`;
      failure ??= { code: 'upstream_address_denied', detail };
      return EMPTY;
    }
    const bytes = fieldOf(resolved.value.expose(), resolved.fields, reference.field);
    if (bytes === undefined) {
      const detail = describeField(reference, environment, resolved.fields);
      failure ??= { code: 'secret_missing', detail };
      return EMPTY;
    }
    const { secretId, version } = resolved;
    uses.set(`${reference.name}@${version}`, { secretId, secret: reference.name, version });
    expiresAtMs = Math.min(expiresAtMs, resolved.expiresAtMs ?? Number.POSITIVE_INFINITY);
    placed.add(reference, bytes);
    return bytes;
  };

  const headers = ['host', upstream.host];
  for (const [name, template] of source.headers) {
    const value = renderTemplate(template, bytesOf);
    placed.addRendered(template, value);
    if (FORBIDDEN_IN_HEADER.test(value)) failure ??= unplaceable(name, template, effective);
    headers.push(name, value);
  }
  const query = source.query.map(([name, template]) => {
    const value = renderTemplate(template, bytesOf);
    placed.addRendered(template, value);
    return `${encodeURIComponent(name)}=${percentEncode(value)}`;
  });
  const { pathname } = effective.upstream;
  return {
    route: effective.route,
    environment: effective.environment,
    failure,
    upstream: source.upstream,
    basePath: pathname.endsWith('/') ? pathname.slice(0, -1) : pathname,
    stripLength: effective.stripPrefix ? source.prefixLength : 0,
    // A plan that fails keeps no value: nothing of it may be sent.
    headers: failure === undefined ? headers : [],
    headerNames: new Set(source.headers.map(([name]) => normaliseHeaderName(name))),
    query: failure === undefined ? query.join('&') : '',
    queryNames: new Set(source.query.map(([name]) => name)),
    uses: [...uses.values()],
    useNames: [...uses.keys()],
    expiresAtMs,
    maxRequestBytes: effective.maxRequestBytes,
    maxResponseBytes: effective.maxResponseBytes,
    limits: effective.limits,
    circuitBreaker: effective.circuitBreaker.failures === 0 ? undefined : effective.circuitBreaker,
    forwardClientAddress: effective.forwardClientAddress,
    scrub: failure === undefined ? placed.scrub(effective.echoScrub ?? 'mask') : undefined,
    stats: source.stats,
    trace: effective.trace,
    pathPrefix: effective.pathPrefix,
  };
}

const EMPTY = new Uint8Array(0);

function compileAll(texts: ReadonlyMap<string, string>): (readonly [string, Template])[] {
  return [...texts].map(([name, text]) => [name, compileTemplate(text).template] as const);
}

function upstreamOf(effective: EffectiveRoute): Upstream {
  const { upstream, allowPrivateNetwork, http2, timeouts, tls, environment } = effective;
  const key = [environment, upstream.origin, allowPrivateNetwork, http2, timeouts, tls];
  return {
    id: JSON.stringify(key),
    origin: upstream.origin,
    host: upstream.host,
    allowPrivateNetwork,
    http2,
    timeouts,
    tls,
  };
}

function fieldOf(
  bytes: Uint8Array,
  fields: readonly string[],
  field: string | undefined,
): Uint8Array | undefined {
  if (fields.length === 0) return field === undefined ? bytes : undefined;
  if (field === undefined || !fields.includes(field)) return undefined;
  const values = parseFields(bytes);
  if (typeof values !== 'object' || values === null) return undefined;
  const value: unknown = Reflect.get(values, field);
  return typeof value === 'string' ? new TextEncoder().encode(value) : undefined;
}

/** The names of fields are not sealed with the value: where they were altered, it may be no JSON. */
function parseFields(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

function failureFor(
  { name, version }: SecretReference,
  environment: string,
  status: 'missing' | 'revoked' | 'damaged',
): NonNullable<Plan['failure']> {
  const what = version === undefined ? `"${name}"` : `version ${version} of "${name}"`;
  if (status === 'revoked') {
    const detail = `${what} was revoked in environment "${environment}". Nothing was sent.`;
    return { code: 'secret_revoked', detail };
  }
  if (status === 'damaged') {
    const detail =
      `A stored row of ${what} in environment "${environment}" was altered or damaged, so that its value ` +
      'is not used. Nothing was sent. Run keyferry doctor, then add a version or restore a backup.';
    return { code: 'secret_missing', detail };
  }
  const detail =
    `Environment "${environment}" has no value for secret ${what}. Nothing was sent, and no other ` +
    `environment was tried. Add one: keyferry versions add ${name} --environment ${environment}`;
  return { code: 'secret_missing', detail };
}

function describeField(
  { name, field }: SecretReference,
  environment: string,
  fields: readonly string[],
): string {
  const where = `The value of "${name}" in environment "${environment}"`;
  if (fields.length === 0) return `${where} has no fields, but the route names ".${field ?? ''}".`;
  const known = fields.join(', ');
  if (field === undefined) return `${where} has fields (${known}): the route must name one.`;
  return `${where} has no field "${field}"; it has ${known}.`;
}

function unplaceable(
  header: string,
  template: Template,
  { environment }: EffectiveRoute,
): NonNullable<Plan['failure']> {
  const names = template.references.map(({ name }) => `"${name}"`).join(', ');
  const detail =
    `The value of ${names} in environment "${environment}" has a line break or control character and ` +
    `cannot be placed in the header ${header}. Add a version without it.`;
  return { code: 'secret_missing', detail };
}

/** Percent-encodes the bytes of a latin1 string: everything but RFC 3986's unreserved characters. */
function percentEncode(text: string): string {
  return text.replace(
    /[^A-Za-z0-9._~-]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
}
