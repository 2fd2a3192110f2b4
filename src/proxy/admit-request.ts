import { AppError, type DirectoryClient, type Plan, type TrafficLimits } from '../core/index.js';
import { Circuits } from './circuits.js';
import type { Exchange } from './exchange.js';
import { type GateRefusal, type GateScope, TrafficGate } from './traffic-gate.js';

/** Gates kept before unused ones are looked for. */
const PRUNE_FROM = 1000;

/**
 * Lets requests pass, as far as the limits of their client and route and the circuit of their upstream allow.
 * State is kept by name, so it outlives the snapshot that brought the limits. What is not limited costs a few
 * comparisons.
 */
export class Admission {
  readonly circuits = new Circuits(() => performance.now());
  readonly limited = {
    route: { rate: 0, concurrency: 0 },
    client: { rate: 0, concurrency: 0 },
  };
  readonly #clientDefaults: TrafficLimits | undefined;
  readonly #gates = new Map<string, TrafficGate>();
  #pruneAt = PRUNE_FROM;

  /** `clientDefaults` hold for each client that has no limits of its own. */
  constructor(clientDefaults: TrafficLimits | undefined) {
    this.#clientDefaults = clientDefaults;
  }

  /** Throws `rate_limited` or `circuit_open`. What it lets pass must be given to `ended` at its end. */
  admit(exchange: Exchange, client: DirectoryClient, plan: Plan): void {
    this.circuits.admit(exchange, plan);
    const clientLimits = client.limits ?? this.#clientDefaults;
    if (clientLimits === undefined && plan.limits === undefined) return;
    const nowMs = exchange.startedAtMs;
    const ofClient = this.#gateFor('client', client.id, clientLimits, nowMs);
    const ofRoute = this.#gateFor('route', `${plan.environment} ${plan.route}`, plan.limits, nowMs);
    this.#require(exchange, ofClient, 'client', client.name, nowMs);
    this.#require(exchange, ofRoute, 'route', plan.route, nowMs);
    ofClient?.enter();
    ofRoute?.enter();
    exchange.clientGate = ofClient;
    exchange.routeGate = ofRoute;
    const fields: string[] = [];
    ofClient?.describeRate(fields, nowMs);
    ofRoute?.describeRate(fields, nowMs);
    exchange.rateLimitFields = fields;
  }

  /** To be called once for every request, whether or not it was let pass. */
  ended(exchange: Exchange): void {
    exchange.clientGate?.leave();
    exchange.routeGate?.leave();
    // An upstream that answered has told so already.
    if (exchange.code !== undefined || exchange.isProbe) this.circuits.ended(exchange);
  }

  #require(
    exchange: Exchange,
    gate: TrafficGate | undefined,
    scope: GateScope,
    name: string,
    nowMs: number,
  ): void {
    const refusal = gate?.refusal(nowMs);
    if (gate === undefined || refusal === undefined) return;
    this.limited[scope][refusal.kind]++;
    const fields: string[] = [];
    if (refusal.kind === 'rate') gate.describeRate(fields, nowMs);
    else gate.describeConcurrency(fields);
    exchange.rateLimitFields = fields;
    throw rateLimited(gate, refusal, `The ${scope} "${name}"`);
  }

  #gateFor(
    scope: GateScope,
    id: string,
    limits: TrafficLimits | undefined,
    nowMs: number,
  ): TrafficGate | undefined {
    if (limits === undefined) return undefined;
    const key = `${scope} ${id}`;
    const known = this.#gates.get(key);
    if (known !== undefined) {
      known.follow(limits, nowMs);
      return known;
    }
    if (this.#gates.size >= this.#pruneAt) this.#prune(nowMs);
    const gate = new TrafficGate(scope, limits, nowMs);
    this.#gates.set(key, gate);
    return gate;
  }

  #prune(nowMs: number): void {
    for (const [key, gate] of this.#gates) if (gate.isUnused(nowMs)) this.#gates.delete(key);
    this.#pruneAt = Math.max(PRUNE_FROM, this.#gates.size * 2);
  }
}

function rateLimited(
  { limits }: TrafficGate,
  { kind, retryAfterSeconds }: GateRefusal,
  who: string,
): AppError {
  const detail =
    kind === 'rate'
      ? `${who} may send ${limits.requestsPerSecond} requests per second. Wait as Retry-After says.`
      : `${who} may have ${limits.concurrentRequests} requests under way at once. Try again when one is over.`;
  return new AppError('rate_limited', detail, { retryAfterSeconds });
}
