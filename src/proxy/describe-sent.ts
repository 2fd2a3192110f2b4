import {
  normaliseHeaderName,
  type PlacedNames,
  type Plan,
  type SentRequest,
  type TriedRequest,
} from '../core/index.js';
import { withoutInPlace } from './place-path.js';
import type { Call } from './request-context.js';
import { EchoStream } from './scrub-stream.js';
import { unplacedPairs } from './unplaced-pairs.js';

/** Keyferry's own, whose values say something and can hold nothing of a secret. */
const SHOWN = new Set(['host', 'user-agent', 'accept', 'accept-encoding', 'x-request-id']);
/** Never the sender's. */
const OURS = new Set(['host', 'x-request-id']);

/**
 * Says what was sent, by the names of what was really handed over: values come from the route's own text and from
 * Keyferry's fixed headers alone, never from what was sent.
 */
export function describeSent(
  { headers }: Call,
  tried: TriedRequest,
  plan: Plan,
  placed: PlacedNames,
): SentRequest {
  const own = new Set(tried.headers.map(([name]) => normaliseHeaderName(name)));
  const passed = new Set<string>();
  const shown = [];
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? '';
    const key = normaliseHeaderName(name);
    const isPlaced = plan.headerNames.has(key);
    const isOwn = !isPlaced && !OURS.has(key) && own.has(key);
    if (isOwn) passed.add(key);
    const by: SentRequest['headers'][number]['by'] = isPlaced
      ? 'route'
      : isOwn
        ? 'request'
        : 'keyferry';
    const value = isPlaced
      ? (placed.headers.get(key) ?? null)
      : by === 'keyferry' && SHOWN.has(key)
        ? (headers[i + 1] ?? null)
        : null;
    shown.push({ name, by, value });
  }
  return {
    url: plan.upstream.origin + describePath(tried.target, plan, placed),
    headers: shown,
    fields: placed.body,
    removed: tried.headers
      .map(([name]) => name)
      .filter((name) => !passed.has(normaliseHeaderName(name)) && name.toLowerCase() !== 'host'),
  };
}

function describePath(target: string, plan: Plan, placed: PlacedNames): string {
  const mark = target.indexOf('?');
  const path = mark === -1 ? target : target.slice(0, mark);
  const own = path.slice(plan.stripLength);
  const rest = plan.path === undefined ? own : withoutInPlace(own, plan.path);
  // Who writes a value into a URL is not to find it on a page.
  const clean = (text: string): string =>
    plan.scrub === undefined ? text : new EchoStream(plan.scrub.matcher).text(text);
  const query = mark === -1 ? [] : unplacedPairs(target.slice(mark + 1), plan.queryNames);
  const pairs = [
    ...query.map((pair) => clean(pair.replace(/=.*$/s, '=…'))),
    ...placed.query.map(([name, text]) => `${encodeURIComponent(name)}=${text}`),
  ];
  const whole = `${plan.basePath}${placed.path ?? ''}${clean(rest)}`;
  return `${whole === '' ? '/' : whole}${pairs.length === 0 ? '' : `?${pairs.join('&')}`}`;
}
