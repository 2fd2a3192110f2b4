import { normaliseHeaderName, type Plan } from '../core/index.js';
import { holdsToken } from './request-head.js';

/**
 * Fields that decide about framing, routing, authentication or how a message is handled have no place in
 * trailers (RFC 9110 section 6.5.1); nor has what a request's head is cleaned of.
 */
const REFUSED =
  /^(?:keyferry-.*|content-.*|x-forwarded-.*|if-.*|.*authorization|cookie|set-cookie|host|connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|http2-settings|expect|max-forwards|cache-control|range|forwarded|x-real-ip|x-request-id)$/;

/** The trailers of a request (name, value, name, value) that may go on: no credential comes in by them. */
export function keptTrailers(raw: readonly string[], plan: Pick<Plan, 'headerNames'>): string[] {
  const kept: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    const value = raw[i + 1] as string;
    const normalised = normaliseHeaderName(name);
    const refused = REFUSED.test(normalised) || plan.headerNames.has(normalised);
    if (!refused && !holdsToken(value)) kept.push(name, value);
  }
  return kept;
}
