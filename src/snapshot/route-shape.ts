import {
  AWS_QUERY,
  effectiveRoute,
  HeaderAction,
  normaliseHeaderName,
  type PathInPlace,
  type Route,
  type RouteShape,
  signingHeaders,
} from '../core/index.js';
import { pathInPlace } from './render-path.js';

const BASE_ACTIONS: Readonly<Record<string, HeaderAction>> = {
  host: HeaderAction.host,
  connection: HeaderAction.connection,
  'content-length': HeaderAction.contentLength,
  'transfer-encoding': HeaderAction.transferEncoding,
  expect: HeaderAction.expect,
  'x-request-id': HeaderAction.requestId,
  'keyferry-token': HeaderAction.token,
  'proxy-authorization': HeaderAction.proxyAuthorization,
  // Hop by hop: RFC 9110 section 7.6.1, and the older names that are still sent.
  'keep-alive': HeaderAction.drop,
  'proxy-connection': HeaderAction.drop,
  'proxy-authenticate': HeaderAction.drop,
  te: HeaderAction.drop,
  trailer: HeaderAction.drop,
  upgrade: HeaderAction.drop,
  'http2-settings': HeaderAction.drop,
  // Who the client is stays here unless the route says otherwise (`forwardClientAddress`).
  forwarded: HeaderAction.drop,
  'x-forwarded-for': HeaderAction.drop,
  'x-forwarded-host': HeaderAction.drop,
  'x-forwarded-proto': HeaderAction.drop,
  'x-forwarded-port': HeaderAction.drop,
  'x-real-ip': HeaderAction.drop,
};

/** Letters of the headers that say where a body ends. */
const FRAMING: ReadonlySet<string> = new Set(['contentlength', 'transferencoding']);

/** Spellings remembered per route; past it they are worked out each time, so a client cannot fill memory. */
const MAX_SPELLINGS = 512;

/** The part of a route that does not depend on environments or values. */
export class CompiledShape implements RouteShape {
  readonly name: string;
  readonly index: number;
  readonly methods: ReadonlySet<string> | undefined;
  /** Query parameters that some environment places: they may carry the token. */
  readonly queryNames: ReadonlySet<string>;
  readonly pathsInPlace: readonly PathInPlace[] | undefined;
  readonly #placed: ReadonlySet<string>;
  readonly #actions = new Map<string, HeaderAction>();

  constructor(name: string, index: number, match: Route['match'], placed: PlacedNames) {
    this.name = name;
    this.index = index;
    this.methods = match.methods === undefined ? undefined : new Set(match.methods);
    this.queryNames = placed.query;
    this.pathsInPlace = placed.paths.length === 0 ? undefined : placed.paths;
    this.#placed = placed.headers;
  }

  /** The action for a header as the client spelt it. */
  actionFor(rawName: string): HeaderAction {
    const known = this.#actions.get(rawName);
    if (known !== undefined) return known;
    const action = this.#decide(rawName.toLowerCase());
    if (this.#actions.size < MAX_SPELLINGS) this.#actions.set(rawName, action);
    return action;
  }

  #decide(name: string): HeaderAction {
    const base = Object.hasOwn(BASE_ACTIONS, name) ? BASE_ACTIONS[name] : undefined;
    if (base !== undefined) return base;
    if (FRAMING.has(name.replace(/[^a-z]+/g, ''))) return HeaderAction.ambiguousFraming;
    const normalised = normaliseHeaderName(name);
    // CGI-like upstreams would read `X_Forwarded_For` as the header it is not.
    if (normalised.startsWith('keyferry-') || Object.hasOwn(BASE_ACTIONS, normalised)) {
      return HeaderAction.drop;
    }
    return this.#placed.has(normalised) ? HeaderAction.placed : HeaderAction.keep;
  }
}

export interface PlacedNames {
  readonly headers: ReadonlySet<string>;
  readonly query: ReadonlySet<string>;
  readonly paths: readonly PathInPlace[];
}

/** Characters that `stripPrefix` leaves out. */
export function prefixLengthOf({ match: { pathPrefix } }: Route): number {
  return pathPrefix === undefined || pathPrefix === '/' ? 0 : pathPrefix.length;
}

/** All names that a route places in any of its environments. */
export function placedNames(route: Route): PlacedNames {
  const headers = new Set<string>();
  const query = new Set<string>();
  const paths = new Map<string, PathInPlace>();
  for (const environment of Object.keys(route.environments)) {
    const effective = effectiveRoute(route, environment);
    for (const name of effective?.headers.keys() ?? []) headers.add(normaliseHeaderName(name));
    for (const name of effective?.query.keys() ?? []) query.add(name);
    if (effective === undefined) continue;
    const { path, sign, stripPrefix } = effective;
    for (const name of signingHeaders(sign)) headers.add(normaliseHeaderName(name));
    for (const name of sign?.aws === undefined ? [] : AWS_QUERY) query.add(name);
    const pattern = path === undefined ? undefined : pathInPlace(path);
    if (pattern === undefined) continue;
    const stripLength = stripPrefix ? prefixLengthOf(route) : 0;
    paths.set(`${stripLength} ${pattern.source}`, { stripLength, pattern });
  }
  return { headers, query, paths: [...paths.values()] };
}

/** Stands in where no route matched: the token may then only come in its own headers. */
export const NO_ROUTE: RouteShape = new CompiledShape(
  '',
  -1,
  {},
  { headers: new Set(), query: new Set(), paths: [] },
);
