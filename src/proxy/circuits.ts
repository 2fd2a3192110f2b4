import {
  AppError,
  type CircuitState,
  type ErrorCode,
  type Plan,
  type Upstream,
} from '../core/index.js';
import { Circuit } from './circuit.js';

interface Troubled {
  readonly circuit: Circuit;
  readonly upstream: Upstream;
  readonly environment: string;
}

/** What an exchange tells about its way to the upstream. */
interface Attempt {
  readonly plan: Plan | undefined;
  readonly status: number;
  readonly code: ErrorCode | undefined;
  readonly clientId: string;
  /** 0 when no connection took it. */
  readonly sentAtMs: number;
  isProbe: boolean;
}

/**
 * The circuits of upstreams that failed since they last answered; any other is closed and takes no memory, and
 * no look-up as long as all is well. Times are monotonic milliseconds.
 */
export class Circuits {
  opened = 0;
  readonly #troubled = new Map<string, Troubled>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Throws `circuit_open`. The request that is let through as the probe is marked. */
  admit(attempt: Attempt, plan: Plan): void {
    if (this.#troubled.size === 0 || plan.circuitBreaker === undefined) return;
    const admitted =
      this.#troubled.get(plan.upstream.id)?.circuit.admit(this.#now(), attempt.clientId) ?? 'pass';
    if (typeof admitted === 'number') throw circuitOpen(plan, admitted);
    attempt.isProbe = admitted === 'probe';
  }

  /** The upstream began to answer. */
  answered(attempt: Attempt, plan: Plan, status: number): void {
    if (status >= 500 && plan.circuitBreaker?.countServerErrors === true) {
      this.#fail(attempt, plan);
    } else if (this.#troubled.size !== 0) {
      const troubled = this.#troubled.get(plan.upstream.id);
      troubled?.circuit.succeed(attempt.isProbe, attempt.clientId);
      if (troubled?.circuit.isClosed === true) this.#troubled.delete(plan.upstream.id);
    }
    attempt.isProbe = false;
  }

  /** The request is over. Only what a single request can hardly bring about by itself is a failure. */
  ended(attempt: Attempt): void {
    const { plan, code, status } = attempt;
    if (plan === undefined) return;
    if (code === 'upstream_unreachable' || (code === 'upstream_timeout' && status === 504)) {
      this.#fail(attempt, plan);
    } else if (attempt.isProbe) {
      this.#troubled.get(plan.upstream.id)?.circuit.abandon(attempt.clientId);
    }
  }

  /** Forgets upstreams that are no longer named. */
  retain(ids: ReadonlySet<string>): void {
    for (const id of this.#troubled.keys()) if (!ids.has(id)) this.#troubled.delete(id);
  }

  figures(): { upstream: string; environment: string; state: CircuitState }[] {
    return [...this.#troubled.values()].map(({ circuit, upstream, environment }) => ({
      upstream: upstream.host,
      environment,
      state: circuit.state(this.#now()),
    }));
  }

  #fail(attempt: Attempt, plan: Plan): void {
    const { circuitBreaker, upstream, environment } = plan;
    if (circuitBreaker === undefined) return;
    let troubled = this.#troubled.get(upstream.id);
    if (troubled === undefined) {
      troubled = { circuit: new Circuit(), upstream, environment };
      this.#troubled.set(upstream.id, troubled);
    }
    const { isProbe, clientId, sentAtMs } = attempt;
    // What an upstream makes of a request also depends on the request.
    const cause = sentAtMs === 0 ? undefined : clientId;
    if (troubled.circuit.fail(isProbe, this.#now(), circuitBreaker, clientId, cause)) this.opened++;
  }
}

function circuitOpen({ upstream }: Plan, waitMs: number): AppError {
  const detail = `Nothing was sent: ${upstream.host} could not be reached many times in a row. It is tried again soon.`;
  return new AppError('circuit_open', detail, { retryAfterSeconds: Math.ceil(waitMs / 1000) });
}
