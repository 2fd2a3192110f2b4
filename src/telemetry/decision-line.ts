import type { Decision } from '../core/index.js';

/** pino's number for `info`. */
const LEVEL = 30;

/** Tails by the plan's list of secrets (one object per plan), then by client, then by method. */
type Tails = Map<string | undefined, Map<string, Uint8Array>>;
const tailsOfPlan = new WeakMap<readonly string[], Tails>();

/**
 * One line of the decision log, as pino would write it, in two parts, because it is written for every request:
 * what differs with each (ASCII only), and the rest, which the same plan, client and method give every time and
 * which is therefore kept encoded. `time` is pino's own form: `,"time":"…"`.
 */
export function decisionHead(decision: Decision, time: string): string {
  const { requestId, status, durationMs } = decision;
  // Put together from whole numbers: a fraction is far dearer to write out.
  const hundredths = Math.round(durationMs * 100);
  const whole = Math.floor(hundredths / 100);
  const rest = hundredths - whole * 100;
  const again = decision.retried === true ? ',"retried":true' : '';
  return `{"level":${LEVEL}${time},"requestId":"${requestId}","status":${status},"durationMs":${whole}.${rest < 10 ? '0' : ''}${rest}${again}`;
}

/** The second part of the line: what does not change from one request to the next, and the line's end. */
export function decisionTail(decision: Decision): Uint8Array {
  const { upstream, secrets, code, client, method } = decision;
  // Only what was sent has its plan's own list, and can be known again by it.
  if (upstream === undefined || code !== undefined) return formatTail(decision);
  let tails = tailsOfPlan.get(secrets);
  if (tails === undefined) {
    tails = new Map();
    tailsOfPlan.set(secrets, tails);
  }
  let byMethod = tails.get(client);
  if (byMethod === undefined) {
    byMethod = new Map();
    tails.set(client, byMethod);
  }
  let tail = byMethod.get(method);
  if (tail === undefined) {
    tail = formatTail(decision);
    byMethod.set(method, tail);
  }
  return tail;
}

function formatTail(decision: Decision): Uint8Array {
  const { code, method, client, route, environment, upstream, secrets } = decision;
  const facts = { code, method, client, route, environment, upstream, secrets, event: 'request' };
  return Buffer.from(`,${JSON.stringify(facts).slice(1)}\n`);
}
