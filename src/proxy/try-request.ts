import {
  AppError,
  type PlanToTry,
  type PreparedTry,
  type RouteShape,
  type Telemetry,
  type TriedRequest,
  type TryAnswer,
} from '../core/index.js';
import { checkTarget } from './check-target.js';
import { describeSent } from './describe-sent.js';
import { defaultHeaders, KeptResponse, ProbeRequest } from './probe-message.js';
import type { Call, Connections, RequestContext } from './request-context.js';
import { hostOf, readHead } from './request-head.js';
import { EchoStream } from './scrub-stream.js';
import { sendOwn } from './send-own.js';
import { showResponse } from './show-response.js';

/** A person waits for it. */
const MAX_MS = 60_000;

/**
 * Makes a person's request ready: matched and checked as a client's would be, but for its token. Nothing is sent before
 * `send`. Throws what the proxy answers such a head with.
 */
export function prepareTry(
  context: RequestContext,
  telemetry: Telemetry,
  { plan, placed }: PlanToTry,
  tried: TriedRequest,
): PreparedTry {
  const { method, target } = tried;
  const given = tried.headers.map(([name]) => name.toLowerCase());
  const headers = [...defaultHeaders((name) => given.includes(name)), ...tried.headers.flat()];
  const request = new ProbeRequest(method, target, headers, tried.body);
  const path = /^[^?]*/.exec(target)?.[0] ?? '';
  const shape = match(context, request, path);
  return {
    matched: shape?.name,
    secrets: plan.uses.map(({ secret }) => secret),
    path: plan.scrub === undefined ? path : new EchoStream(plan.scrub.matcher).text(path),
    async send(): Promise<TryAnswer> {
      const echoed = new Set<string>();
      const response = new KeptResponse();
      const dispatched = new Dispatched();
      const watched: RequestContext = {
        ...context,
        pools: { poolFor: (upstream) => dispatched.watch(context.pools.poolFor(upstream)) },
        echo(finding) {
          if (finding.kind === 'hit') for (const secret of finding.secrets) echoed.add(secret);
          context.echo(finding);
        },
      };
      const answer = await sendOwn(watched, telemetry, {
        plan,
        request,
        shape: shape ?? context.noRoute,
        response,
        maxMs: MAX_MS,
      });
      const { outcome: _, ...facts } = answer;
      const isPassedOn = answer.code === undefined && answer.status !== 0;
      return {
        ...facts,
        sent: dispatched.call && describeSent(dispatched.call, tried, plan, placed),
        response: isPassedOn ? showResponse(plan, response) : undefined,
        echoed: [...echoed],
      };
    },
  };
}

function match(
  context: RequestContext,
  { method, url, rawHeaders }: ProbeRequest,
  path: string,
): RouteShape | undefined {
  const targetProblem = checkTarget(url, path.length);
  if (targetProblem !== undefined) throw new AppError('request_rejected', targetProblem);
  if (rawHeaders.length > context.maxHeaders * 2) {
    const detail = `The request has more than ${context.maxHeaders} headers.`;
    throw new AppError('headers_too_large', detail);
  }
  const shape = context.snapshot().table.match(method, hostOf(rawHeaders), path);
  const { problem } = readHead(rawHeaders, shape ?? context.noRoute, true);
  if (problem !== undefined) throw new AppError('request_rejected', problem);
  return shape;
}

/** What one request handed to its connection. */
class Dispatched {
  call: Call | undefined;

  watch(connections: Connections): Connections {
    return {
      dispatch: (call, handler) => {
        this.call = call;
        return connections.dispatch(call, handler);
      },
    };
  }
}
