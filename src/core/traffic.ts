/** How much of something may pass. What is left out is not limited. */
export interface TrafficLimits {
  /** On average; 0.5 is one request every two seconds. */
  readonly requestsPerSecond?: number | undefined;
  /** How many may come at once after a pause; by default what one second allows, at least 1. */
  readonly burst?: number | undefined;
  /** Requests under way at once; a WebSocket is under way until it closes. */
  readonly concurrentRequests?: number | undefined;
}

/** Beyond what one process takes a limit limits nothing; the smallest rate is one request in 1,000 seconds. */
export const MOST_REQUESTS = 1_000_000;
export const LEAST_REQUESTS_PER_SECOND = 0.001;

/** When an upstream that cannot be reached is left alone for a while. */
export interface CircuitBreaker {
  /** Failures in a row after which no request is sent; 0 = never. */
  readonly failures: number;
  /** How long no request is sent; then one is, as a probe. */
  readonly openMs: number;
  /** Whether answers of 500 and more count as failures. */
  readonly countServerErrors: boolean;
}

/** Many failures make an outage plain, and a probe every two seconds finds its end soon. */
export const DEFAULT_CIRCUIT_BREAKER: CircuitBreaker = {
  failures: 20,
  openMs: 2000,
  countServerErrors: false,
};

export const CIRCUIT_STATES = ['closed', 'half_open', 'open'] as const;
export type CircuitState = (typeof CIRCUIT_STATES)[number];

/** What the request path holds back, for metrics. */
export interface TrafficFigures {
  /** Connections of clients that are open. */
  readonly connections: number;
  /** Connections closed as they came, by the limit that they were over. */
  readonly refusedConnections: Readonly<Record<'total' | 'address', number>>;
  /** Whether requests are turned away because the process cannot keep up. */
  readonly shedding: boolean;
  /** Requests over a limit, by whose and which. */
  readonly limited: Readonly<
    Record<'route' | 'client', Readonly<Record<'rate' | 'concurrency', number>>>
  >;
  /** Clients cut off because they did not read their response. */
  readonly stalledReaders: number;
  /** Upstreams with failures in a row; one that answers is not listed. */
  readonly circuits: readonly {
    readonly upstream: string;
    readonly environment: string;
    readonly state: CircuitState;
  }[];
  /** How often a circuit went from closed to open. */
  readonly circuitsOpened: number;
}
