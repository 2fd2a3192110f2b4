import {
  AWS_QUERY,
  compileTemplate,
  type EffectiveRoute,
  normaliseHeaderName,
  normaliseQueryName,
  type Plan,
  placedTemplates,
  type RequestStats,
  type ResolvedValue,
  refusedHost,
  renderTemplate,
  type SecretReference,
  type SecretUse,
  signingHeaders,
  type Template,
  type Upstream,
  type ValueReference,
} from '../core/index.js';
import { describeField, failureFor, unplaceable } from './describe-failure.js';
import { percentEncode } from './percent-encode.js';
import { PlacedValues } from './placed-values.js';
import { type BodySource, renderBody } from './render-body.js';
import { renderPath } from './render-path.js';
import { credentialsOf, renderAws, renderHmac } from './render-signing.js';

/** RFC 9110 section 5.5: a field value has no CR, LF or NUL; undici refuses the other controls too. */
const FORBIDDEN_IN_HEADER = /[^\t\x20-\x7e\x80-\xff]/;

/** Key ids, keys and session tokens of AWS are letters, digits and marks. */
const NOT_IN_KEY_PAIR = /[^\x21-\x7e]/;

/** A route in one environment whose templates are compiled, but not yet filled. */
export interface PlanSource {
  readonly effective: EffectiveRoute;
  readonly prefixLength: number;
  readonly headers: readonly (readonly [name: string, Template])[];
  readonly query: readonly (readonly [name: string, Template])[];
  readonly path: Template | undefined;
  readonly body: BodySource | undefined;
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
  for (const place of placedTemplates(effective)) {
    for (const { name, version } of place.references) {
      references.set(`${name}@${version ?? ''}`, {
        secret: name,
        environment: effective.environment,
        version,
      });
    }
  }
  const { path, body } = effective;
  return {
    effective,
    prefixLength,
    headers,
    query,
    path: path === undefined ? undefined : compileTemplate(path).template,
    body:
      body === undefined
        ? undefined
        : { json: compileAll(body.json), form: compileAll(body.form), maxBytes: body.maxBytes },
    references: [...references.values()],
    upstream: upstreamOf(effective),
    stats,
  };
}

/** The answers that values are taken from. */
export type Resolve = (reference: ValueReference) => ResolvedValue;

/**
 * Fills the templates with the values that `resolve` gives. What cannot be filled becomes `failure`. `replace` says
 * which reference to take in the place of one that the route names.
 */
export function renderPlan(
  source: PlanSource,
  resolve: Resolve,
  replace: (reference: SecretReference) => SecretReference = (reference) => reference,
): Plan {
  const { effective } = source;
  const { upstream } = effective;
  const uses = new Map<string, SecretUse>();
  let expiresAtMs = Number.POSITIVE_INFINITY;
  const placed = new PlacedValues();
  let failure: Plan['failure'];

  const bytesOf = (named: SecretReference, mayLack = false): Uint8Array => {
    const { environment } = effective;
    const reference = replace(named);
    const resolved = resolve({ secret: reference.name, environment, version: reference.version });
    if (resolved.status !== 'found') {
      failure ??= failureFor(reference, environment, resolved.status);
      return EMPTY;
    }
    const refused = refusedHost(effective, resolved.allowedHosts);
    if (refused !== undefined) {
      const detail = `The secret "${reference.name}" may not be sent to ${refused}: its allowedHosts do not name that host.`;
      failure ??= { code: 'upstream_address_denied', detail };
      return EMPTY;
    }
    const bytes = fieldOf(resolved.value.expose(), resolved.fields, reference.field);
    if (bytes === undefined) {
      if (mayLack) return EMPTY;
      const detail = describeField(reference, environment, resolved.fields);
      failure ??= { code: 'secret_missing', detail };
      return EMPTY;
    }
    const { secretId, version } = resolved;
    uses.set(`${reference.name}@${version}`, { secretId, secret: reference.name, version });
    expiresAtMs = Math.min(expiresAtMs, resolved.expiresAtMs ?? Number.POSITIVE_INFINITY);
    placed.add(named, bytes, reference.name);
    return bytes;
  };

  const unfit = (template: Template, where: string, why: string): void => {
    failure ??= unplaceable(template.references.map(replace), where, why, effective);
  };
  const render = (template: Template): string => {
    for (const part of template.parts) {
      // RFC 7617 section 2: the first colon ends the user name.
      if (part.type === 'basic' && bytesOf(part.user).includes(COLON)) {
        unfit(template, 'a Basic credential', 'has a colon in its user name');
      }
    }
    const text = renderTemplate(template, (reference) => bytesOf(reference));
    placed.addRendered(template, text);
    return text;
  };
  const headerText = (template: Template, name: string): string => {
    const value = render(template);
    if (FORBIDDEN_IN_HEADER.test(value)) {
      unfit(template, `the header ${name}`, 'has a line break or control character');
    }
    return value;
  };

  const headers = ['host', upstream.host];
  for (const [name, template] of source.headers) headers.push(name, headerText(template, name));
  const query = source.query.map(
    ([name, template]) => `${encodeURIComponent(name)}=${percentEncode(render(template))}`,
  );
  const path =
    source.path === undefined || effective.path === undefined
      ? undefined
      : renderPath(effective.path, source.path, render);
  if (source.path !== undefined && path === undefined) {
    unfit(source.path, 'the path', 'would be a dot segment there');
  }
  const body = source.body === undefined ? undefined : renderBody(source.body, render, unfit);
  const { hmac, aws } = effective.sign ?? {};
  const keyPair = aws === undefined ? undefined : credentialsOf(aws);
  const completion: Plan['completion'] =
    source.body === undefined && effective.sign === undefined
      ? undefined
      : {
          body,
          hmac:
            hmac === undefined
              ? undefined
              : renderHmac(hmac, render, (template) => headerText(template, hmac.header), unfit),
          aws:
            aws === undefined || keyPair === undefined
              ? undefined
              : renderAws(aws, (field) => {
                  const mayLack = field === 'sessionToken';
                  const bytes = bytesOf({ ...keyPair, field }, mayLack);
                  if (bytes === EMPTY) return undefined;
                  const text = Buffer.from(bytes).toString('latin1');
                  if (NOT_IN_KEY_PAIR.test(text)) {
                    const at = { parts: [], references: [keyPair] };
                    unfit(
                      at,
                      `a signature as ${field}`,
                      'has a space or a character that is not ASCII',
                    );
                  }
                  return text;
                }),
        };
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
    headerNames: new Set(
      [...effective.headers.keys(), ...signingHeaders(effective.sign)].map(normaliseHeaderName),
    ),
    query: failure === undefined ? query.join('&') : '',
    queryNames: new Set(
      [...effective.query.keys(), ...(aws === undefined ? [] : AWS_QUERY)].map(normaliseQueryName),
    ),
    path: failure === undefined ? path : undefined,
    completion: failure === undefined ? completion : undefined,
    uses: [...uses.values()],
    useNames: [...uses.keys()],
    trials: undefined,
    trialOf: undefined,
    refusedStatuses: effective.refusedCredential.statuses,
    keptBodyBytes: effective.refusedCredential.retry
      ? effective.refusedCredential.maxRetryBytes
      : undefined,
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
const COLON = 0x3a;

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
