import type { Dispatcher } from 'undici';
import type {
  ClientRefusal,
  EchoFinding,
  Plan,
  RouteShape,
  Snapshot,
  Traces,
  Upstream,
  UsageOutcome,
} from '../core/index.js';
import type { Admission } from './admit-request.js';
import type { ByteBudget } from './kept-bytes.js';
import type { FailureLimit } from './limit-failures.js';
import type { OutgoingRequest } from './outgoing-request.js';

/** A request as it is handed to a connection. */
export interface Call {
  readonly method: 'GET';
  /** With the query. */
  readonly path: string;
  /** Name, value, …. */
  readonly headers: string[];
  readonly body: OutgoingRequest['body'];
  readonly upgrade: 'websocket' | null;
  /** Whether the connection closes after it. */
  readonly reset: boolean;
}

/** The connections to one upstream. */
export interface Connections {
  dispatch(call: Call, handler: Dispatcher.DispatchHandler): boolean;
}

/** What handling a request needs besides the request. */
export interface RequestContext {
  snapshot(): Snapshot;
  readonly pools: { poolFor(upstream: Upstream): Connections };
  readonly failures: FailureLimit;
  readonly admission: Admission;
  readonly noRoute: RouteShape;
  readonly maxHeaders: number;
  /** Longest silence within a request body. */
  readonly bodyIdleMs: number;
  /** Whether an expired version makes the request fail. */
  readonly strictExpiry: boolean;
  /** For what all requests together keep so that they can be sent again. */
  readonly retryMemory: ByteBudget;
  readonly usage: UsageSink;
  /** Undefined while traces are off. */
  readonly traces: Traces | undefined;
  now(): number;
  /** Told what a search of a response found. */
  echo(finding: EchoFinding): void;
  /** Told that a client token was refused; not of requests without one. */
  clientRefused(refusal: ClientRefusal): void;
}

/** Where it is counted what came of requests. */
export interface UsageSink {
  /**
   * Counts one request that was sent at `usedAtMs`. `isObserved`: the outcome is the upstream's doing, and so says
   * something about the versions placed.
   */
  record(
    plan: Plan,
    clientId: string,
    outcome: UsageOutcome,
    usedAtMs: number,
    isObserved: boolean,
  ): void;
  /** Tells that a request that was refused by one plan came to this outcome by the other. Both were counted. */
  recordPair(refused: Plan, other: Plan, clientId: string, outcome: UsageOutcome): void;
  /** Counts one request that Keyferry answered by itself. Undefined where no client was known. */
  recordNotSent(environment: string | undefined): void;
}
