import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import type { Certificate } from './make-certificate.js';

/** As OTLP numbers them. */
export const SERVER_SPAN = 2;
export const CLIENT_SPAN = 3;
export const ERROR_STATUS = 2;

export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly name: string;
  readonly kind: number;
  readonly startMs: number;
  readonly endMs: number;
  readonly status: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Of the process. */
  readonly resource: Readonly<Record<string, unknown>>;
}

export interface OtlpReceiver {
  readonly url: string;
  readonly spans: readonly ReceivedSpan[];
  /** Everything that came, heads included. */
  readonly text: string;
  readonly headers: readonly IncomingHttpHeaders[];
  /** What it answers from now on. */
  answer: { status: number; afterMs: number };
  /** Waits until so many spans came. */
  received(count: number): Promise<readonly ReceivedSpan[]>;
  close(): void;
}

interface Attribute {
  readonly key: string;
  readonly value: {
    readonly stringValue?: string;
    readonly intValue?: number;
    readonly arrayValue?: { readonly values: readonly Attribute['value'][] };
  };
}

interface Document {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly {
      readonly spans: readonly {
        readonly traceId: string;
        readonly spanId: string;
        readonly parentSpanId?: string;
        readonly name: string;
        readonly kind: number;
        readonly startTimeUnixNano: string;
        readonly endTimeUnixNano: string;
        readonly attributes: readonly Attribute[];
        readonly status?: { readonly code?: number };
      }[];
    }[];
  }[];
}

/** A receiver of traces over OTLP/HTTP with JSON, gone after the test. */
export async function startOtlpReceiver(tls?: Certificate): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const headers: IncomingHttpHeaders[] = [];
  const texts: string[] = [];
  const receiver = { answer: { status: 200, afterMs: 0 } };
  const onRequest: RequestListener = async (request, response) => {
    let body = '';
    for await (const piece of request) body += String(piece);
    texts.push(`${request.method} ${request.url} ${JSON.stringify(request.rawHeaders)}\n${body}\n`);
    headers.push(request.headers);
    const { status, afterMs } = receiver.answer;
    if (afterMs > 0) await wait(afterMs, undefined, { ref: false });
    if (status === 200 && request.url === '/v1/traces') spans.push(...read(JSON.parse(body)));
    response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
  };
  const server = tls === undefined ? createServer(onRequest) : createTlsServer(tls, onRequest);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = (): void => {
    server.close();
    server.closeAllConnections();
  };
  onTestFinished(close);
  const { port } = server.address() as AddressInfo;
  return Object.assign(receiver, {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    spans,
    headers,
    get text() {
      return texts.join('');
    },
    async received(count: number) {
      while (spans.length < count) await wait(5);
      return spans;
    },
    close,
  });
}

function read({ resourceSpans }: Document): ReceivedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans
      .flatMap(({ spans }) => spans)
      .map((span) => ({
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId,
        name: span.name,
        kind: span.kind,
        startMs: toMs(span.startTimeUnixNano),
        endMs: toMs(span.endTimeUnixNano),
        status: span.status?.code ?? 0,
        attributes: valuesOf(span.attributes),
        resource: valuesOf(resource.attributes),
      })),
  );
}

function valuesOf(attributes: readonly Attribute[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, plain(value)]));
}

function plain({ stringValue, intValue, arrayValue }: Attribute['value']): unknown {
  if (arrayValue !== undefined) return arrayValue.values.map(plain);
  return stringValue ?? Number(intValue);
}

/** A number of nanoseconds is not exact, one of microseconds is. */
function toMs(nanoseconds: string | number): number {
  return Number(BigInt(nanoseconds) / 1000n) / 1000;
}
