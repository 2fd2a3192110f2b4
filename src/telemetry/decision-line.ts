import type { Decision } from '../core/index.js';

/** pino's number for `info`. */
const LEVEL = 30;

/** What the same plan gives every request, by its list of secrets: one object per plan. */
const planFields = new WeakMap<readonly string[], string>();

/**
 * One line of the decision log, as pino would write it, put together by hand because it is written for
 * every request. `time` is pino's own form: `,"time":"…"`.
 */
export function decisionLine(decision: Decision, time: string): string {
  const { requestId, method, client, status, code } = decision;
  let line = `{"level":${LEVEL}${time},"requestId":"${requestId}","method":"${method}"`;
  if (client !== undefined) line += `,"client":${JSON.stringify(client)}`;
  line += `,"status":${status}`;
  if (code !== undefined) line += `,"code":"${code}"`;
  const durationMs = Math.round(decision.durationMs * 100) / 100;
  return `${line}${fieldsOf(decision)},"durationMs":${durationMs},"event":"request"}\n`;
}

function fieldsOf(decision: Decision): string {
  const { upstream, secrets } = decision;
  if (upstream === undefined) return formatFields(decision);
  const known = planFields.get(secrets);
  if (known !== undefined) return known;
  const fields = formatFields(decision);
  planFields.set(secrets, fields);
  return fields;
}

function formatFields({ route, environment, upstream, secrets }: Decision): string {
  const fields = JSON.stringify({ route, environment, upstream, secrets });
  return fields === '{}' ? '' : `,${fields.slice(1, -1)}`;
}
