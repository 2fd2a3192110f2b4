/** Where a span of someone else stands in its trace. */
export interface ParentSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly sampled: boolean;
}

/** version - trace id - span id - flags, and what a later version may add after another dash. */
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const SAMPLED = 1;

/**
 * Reads a `traceparent` (W3C Trace Context, section 3.2). Undefined for whatever is not valid to the letter: upper
 * case, ids of zeros, version ff, version 00 with more than it has. Of a later version the known part counts.
 */
export function parseTraceparent(text: string): ParentSpan | undefined {
  const [, version, traceId, spanId, flags, more] = TRACEPARENT.exec(text) ?? [];
  if (version === undefined || traceId === undefined || spanId === undefined) return undefined;
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags ?? '', 16) & SAMPLED) !== 0 };
}

export function formatTraceparent({ traceId, spanId, sampled }: ParentSpan): string {
  return `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`;
}
