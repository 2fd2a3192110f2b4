import { randomUUID } from 'node:crypto';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  RandomIdGenerator,
  type ReadableSpan,
  type SpanExporter,
} from '@opentelemetry/sdk-trace-base';
import { ATTR_SERVICE_NAME, ATTR_SERVICE_VERSION } from '@opentelemetry/semantic-conventions';
import type { Decision, TraceIds } from '../core/index.js';
import { parseOtlpHeaders } from './otlp-headers.js';
import { requestSpans, type SpanOrigin } from './request-spans.js';
import type { RunningTraces, SpanCounts, TracesOptions } from './start-traces.js';
import { formatTraceparent, parseTraceparent } from './traceparent.js';

/** Two spans a request: what some thousand requests leave while a receiver is slow. About 1 KB each. */
const MAX_QUEUED_SPANS = 16_384;
const BATCH_SPANS = 512;
const BATCH_AFTER_MS = 1000;
/** For one batch, with what the exporter tries again. */
const EXPORT_TIMEOUT_MS = 5000;
/** A receiver that is down says so once a minute, not with every batch. */
const WARN_AGAIN_MS = 60_000;
const PATH = '/v1/traces';

/** Spans of requests, made at their end, in batches to an OTLP/HTTP receiver. */
export class OtlpTraces implements RunningTraces {
  readonly #origin: SpanOrigin;
  readonly #processor: BatchSpanProcessor;
  readonly #sampleRatio: number;
  readonly #ids = new RandomIdGenerator();
  readonly #log: TracesOptions['log'];
  #queued = 0;
  #exported = 0;
  #failed = 0;
  #dropped = 0;
  #warnedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: TracesOptions) {
    const { serviceName, serviceVersion, scheme } = options;
    this.#sampleRatio = options.sampleRatio;
    this.#log = options.log;
    this.#origin = {
      scheme,
      instrumentationScope: { name: 'keyferry', version: serviceVersion },
      resource: resourceFromAttributes({
        [ATTR_SERVICE_NAME]: serviceName,
        [ATTR_SERVICE_VERSION]: serviceVersion,
        'service.instance.id': randomUUID(),
      }),
    };
    this.#processor = this.#openProcessor(options);
  }

  place(traceparent: string | undefined): TraceIds {
    const parent = traceparent === undefined ? undefined : parseTraceparent(traceparent);
    return {
      traceId: parent?.traceId ?? this.#ids.generateTraceId(),
      parentSpanId: parent?.spanId,
      serverSpanId: this.#ids.generateSpanId(),
      clientSpanId: this.#ids.generateSpanId(),
      sampled: parent?.sampled ?? Math.random() < this.#sampleRatio,
    };
  }

  traceparentOf({ traceId, clientSpanId, sampled }: TraceIds): string {
    return formatTraceparent({ traceId, spanId: clientSpanId, sampled });
  }

  decision(decision: Decision): void {
    const { traceFacts } = decision;
    const ids = traceFacts?.ids ?? this.place(traceFacts?.traceparent);
    if (!ids.sampled) return;
    for (const span of requestSpans(decision, ids, Date.now(), this.#origin)) {
      if (this.#queued >= MAX_QUEUED_SPANS) {
        this.#dropped++;
      } else {
        this.#queued++;
        this.#processor.onEnd(span);
      }
    }
  }

  counts(): SpanCounts {
    return { exported: this.#exported, failed: this.#failed, dropped: this.#dropped };
  }

  async close(timeoutMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
    });
    // What could not be sent is counted and said where it failed.
    await Promise.race([this.#processor.shutdown().catch(() => undefined), late]);
    clearTimeout(timer);
  }

  #openProcessor({ endpoint, headers, ca }: TracesOptions): BatchSpanProcessor {
    const base = endpoint.replace(/\/+$/, '');
    const exporter = withoutVariables(
      () =>
        new OTLPTraceExporter({
          url: base.endsWith(PATH) ? base : `${base}${PATH}`,
          headers: headers === undefined ? {} : parseOtlpHeaders(headers),
          timeoutMillis: EXPORT_TIMEOUT_MS,
          httpAgentOptions: { keepAlive: true, ...(ca === undefined ? {} : { ca }) },
        }),
    );
    const counting: SpanExporter = {
      export: (spans, done) => {
        this.#queued -= spans.length;
        exporter.export(spans, (result) => {
          // 0 is success.
          if (result.code === 0) this.#exported += spans.length;
          else this.#notExported(spans, result.error);
          done(result);
        });
      },
      forceFlush: () => exporter.forceFlush(),
      shutdown: () => exporter.shutdown(),
    };
    return new BatchSpanProcessor(counting, {
      maxQueueSize: MAX_QUEUED_SPANS,
      maxExportBatchSize: BATCH_SPANS,
      scheduledDelayMillis: BATCH_AFTER_MS,
      exportTimeoutMillis: 2 * EXPORT_TIMEOUT_MS,
    });
  }

  #notExported(spans: readonly ReadableSpan[], error: unknown): void {
    this.#failed += spans.length;
    const nowMs = performance.now();
    if (nowMs - this.#warnedAtMs < WARN_AGAIN_MS) return;
    this.#warnedAtMs = nowMs;
    // A receiver's text may hold anything: its status, or the code of the connection's error, says enough.
    const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
    const cause = typeof code === 'string' || typeof code === 'number' ? code : undefined;
    this.#log.warn('traces_not_exported', { ...this.counts(), cause });
  }
}

/** The libraries' own variables would be settings that no table of Keyferry's lists. */
function withoutVariables<T>(make: () => T): T {
  const taken = Object.entries(process.env).filter(([name]) => name.startsWith('OTEL_'));
  for (const [name] of taken) delete process.env[name];
  try {
    return make();
  } finally {
    for (const [name, value] of taken) process.env[name] = value;
  }
}
