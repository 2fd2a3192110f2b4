import {
  type Attributes,
  type HrTime,
  type SpanContext,
  SpanKind,
  type SpanStatus,
  SpanStatusCode,
  TraceFlags,
} from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import {
  ATTR_ERROR_TYPE,
  ATTR_HTTP_REQUEST_METHOD,
  ATTR_HTTP_RESPONSE_STATUS_CODE,
  ATTR_HTTP_ROUTE,
  ATTR_SERVER_ADDRESS,
  ATTR_SERVER_PORT,
  ATTR_URL_SCHEME,
} from '@opentelemetry/semantic-conventions';
import type { Decision, TraceIds } from '../core/index.js';

/** What all spans of a process have in common. */
export type SpanOrigin = Pick<ReadableSpan, 'resource' | 'instrumentationScope'> & {
  readonly scheme: string;
};

/** Others are written `_OTHER`, as the conventions say: a client can make up any word. */
const METHODS: ReadonlySet<string> = new Set(
  'CONNECT DELETE GET HEAD OPTIONS PATCH POST PUT QUERY TRACE'.split(' '),
);
const OTHER_METHOD = '_OTHER';
/** Where the client went away before there was an answer. */
const CLIENT_LEFT = 'client_left';

/**
 * The spans of one request that is over, by the stable conventions for HTTP: the request as the client sees it, and
 * the one to the upstream where there was one. Names and numbers only: of the path no more than the route's prefix,
 * and no query, header or address of a client.
 */
export function requestSpans(
  decision: Decision,
  ids: TraceIds,
  endMs: number,
  origin: SpanOrigin,
): readonly ReadableSpan[] {
  const { traceFacts, upstream, code, status, durationMs } = decision;
  const method = METHODS.has(decision.method) ? decision.method : OTHER_METHOD;
  const verb = method === OTHER_METHOD ? 'HTTP' : method;
  const { pathPrefix, sentAtMs = 0 } = traceFacts ?? {};
  const startMs = endMs - durationMs;
  const error = code ?? (status >= 500 ? String(status) : status === 0 ? CLIENT_LEFT : undefined);
  const context = contextOf(ids, ids.serverSpanId);
  const server = new RequestSpan(origin, SpanKind.SERVER, context, startMs, endMs);
  server.name = pathPrefix === undefined ? verb : `${verb} ${pathPrefix}`;
  if (ids.parentSpanId !== undefined) {
    server.parentSpanContext = { ...contextOf(ids, ids.parentSpanId), isRemote: true };
  }
  // A status below 400 with a code: the response was cut.
  if (status >= 500 || (code !== undefined && status < 400)) server.status = FAILED;
  const { requestId, route, environment, client, secrets } = decision;
  server.attributes = known({
    [ATTR_HTTP_REQUEST_METHOD]: method,
    [ATTR_URL_SCHEME]: origin.scheme,
    [ATTR_HTTP_ROUTE]: pathPrefix,
    [ATTR_HTTP_RESPONSE_STATUS_CODE]: status === 0 ? undefined : status,
    [ATTR_ERROR_TYPE]: error,
    'keyferry.request_id': requestId,
    'keyferry.route': route,
    'keyferry.environment': environment,
    'keyferry.client': client,
    'keyferry.secrets': secrets.length === 0 ? undefined : [...secrets],
  });
  if (upstream === undefined) return [server];

  const sentMs = sentAtMs === 0 ? startMs : Math.min(Math.max(sentAtMs, startMs), endMs);
  const sentContext = contextOf(ids, ids.clientSpanId);
  const sent = new RequestSpan(origin, SpanKind.CLIENT, sentContext, sentMs, endMs);
  sent.name = verb;
  sent.parentSpanContext = context;
  const answered = status !== 0 && (code === undefined || status < 400);
  const refused = answered && status >= 400 ? String(status) : undefined;
  if (error !== undefined || refused !== undefined) sent.status = FAILED;
  sent.attributes = known({
    [ATTR_HTTP_REQUEST_METHOD]: method,
    ...hostAttributes(upstream),
    [ATTR_HTTP_RESPONSE_STATUS_CODE]: answered ? status : undefined,
    [ATTR_ERROR_TYPE]: error ?? refused,
  });
  return [server, sent];
}

/** The exporter would write what is undefined as an attribute without a value. */
function known(attributes: Attributes): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined));
}

const FAILED: SpanStatus = { code: SpanStatusCode.ERROR };
const UNSET: SpanStatus = { code: SpanStatusCode.UNSET };

class RequestSpan implements ReadableSpan {
  name = '';
  readonly kind: SpanKind;
  parentSpanContext?: SpanContext;
  readonly startTime: HrTime;
  readonly endTime: HrTime;
  readonly duration: HrTime;
  status = UNSET;
  attributes: Attributes = {};
  readonly links = [];
  readonly events = [];
  readonly ended = true;
  readonly resource: ReadableSpan['resource'];
  readonly instrumentationScope: ReadableSpan['instrumentationScope'];
  readonly droppedAttributesCount = 0;
  readonly droppedEventsCount = 0;
  readonly droppedLinksCount = 0;
  readonly #context: SpanContext;

  constructor(
    { resource, instrumentationScope }: SpanOrigin,
    kind: SpanKind,
    context: SpanContext,
    startMs: number,
    endMs: number,
  ) {
    this.resource = resource;
    this.instrumentationScope = instrumentationScope;
    this.kind = kind;
    this.#context = context;
    this.startTime = hrTime(startMs);
    this.endTime = hrTime(endMs);
    this.duration = hrTime(endMs - startMs);
  }

  spanContext(): SpanContext {
    return this.#context;
  }
}

function contextOf({ traceId, sampled }: TraceIds, spanId: string): SpanContext {
  return { traceId, spanId, traceFlags: sampled ? TraceFlags.SAMPLED : TraceFlags.NONE };
}

/** Seconds and nanoseconds. */
function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.floor((ms - seconds * 1000) * 1_000_000)];
}

const HOST = /^(.*?)(?::(\d+))?$/;
/** By the host of an upstream: as many as the routes documents ever named. */
const knownHosts = new Map<string, Attributes>();

function hostAttributes(upstream: string): Attributes {
  let attributes = knownHosts.get(upstream);
  if (attributes === undefined) {
    const [, address, port] = HOST.exec(upstream) ?? [];
    attributes = {
      [ATTR_SERVER_ADDRESS]: address?.replace(/^\[|\]$/g, ''),
      [ATTR_SERVER_PORT]: port === undefined ? undefined : Number(port),
    };
    knownHosts.set(upstream, attributes);
  }
  return attributes;
}
