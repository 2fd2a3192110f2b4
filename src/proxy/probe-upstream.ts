import type { Plan, ProbeAnswer, Telemetry } from '../core/index.js';
import { DroppedResponse, probeRequest } from './probe-message.js';
import type { RequestContext } from './request-context.js';
import { sendOwn } from './send-own.js';

interface ProbedTarget {
  readonly method: string;
  /** As the upstream is to see it after its base path; may have a query. */
  readonly path: string;
}

/** Tries a plan; nothing is kept of the response but the status. Never rejects. */
export function probeUpstream(
  context: RequestContext,
  telemetry: Telemetry,
  plan: Plan,
  { method, path }: ProbedTarget,
): Promise<ProbeAnswer> {
  return sendOwn(context, telemetry, {
    // The path has no prefix to strip.
    plan: plan.stripLength === 0 ? plan : { ...plan, stripLength: 0 },
    request: probeRequest(plan, method, path),
    shape: context.noRoute,
    response: new DroppedResponse(),
  });
}
