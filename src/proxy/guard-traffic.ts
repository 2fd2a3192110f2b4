import { type Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { TrafficFigures } from '../core/index.js';
import { Admission } from './admit-request.js';
import type { ProxyLimits } from './create-http-server.js';
import type { Exchange } from './exchange.js';
import { ProxyRequest } from './proxy-request.js';
import { RestingConnections } from './resting-connections.js';
import { LoadShedder } from './shed-load.js';
import { ConnectionWatch } from './watch-connections.js';

/** Everything that holds back connections and requests, so that those taken are served. */
export class TrafficGuard {
  readonly admission: Admission;
  readonly #maxConcurrentRequests: number;
  readonly #shedder: LoadShedder;
  readonly #connections: ConnectionWatch;
  readonly #resting = new RestingConnections();
  #refusesNew = false;

  constructor(limits: ProxyLimits) {
    this.admission = new Admission(limits.clientLimits);
    this.#maxConcurrentRequests = limits.maxConcurrentRequests;
    this.#shedder = new LoadShedder(limits.maxEventLoopDelayMs, performance.now());
    this.#connections = new ConnectionWatch(limits, cutStalled);
  }

  /** To be called before the server listens. */
  watch(server: Pick<Server, 'on'>, isTls: boolean): void {
    server.on('connection', (socket: Socket) => this.#connections.accepted(socket));
    server.on(isTls ? 'secureConnection' : 'connection', (socket: Socket) =>
      this.#connections.ready(socket),
    );
    server.on('drop', () => this.#connections.dropped());
    this.#shedder.start();
  }

  close(): void {
    this.#shedder.close();
    this.#connections.close();
  }

  /** The time for a drain is over: what comes now could only be cut. */
  refuseNew(): void {
    this.#refusesNew = true;
  }

  /** Answers a request that is too many, before anything of it is looked at: that must cost little. */
  turnsAway(exchange: Exchange, inFlight: number): boolean {
    const isTooMany = inFlight > this.#maxConcurrentRequests;
    if (!isTooMany && !this.#refusesNew && !this.#shedder.refuses(exchange.startedAtMs)) {
      return false;
    }
    exchange.begin(undefined, undefined);
    if (this.#refusesNew) {
      exchange.fail('draining', 'The server is shutting down. Nothing was sent.', 1);
      return true;
    }
    const what = isTooMany ? 'Too many requests are under way' : 'There is more to do than can be';
    const { waitSeconds } = this.#resting;
    exchange.fail('overloaded', `${what}. Try again soon.`, waitSeconds);
    const { request, upgrade } = exchange;
    if (upgrade === undefined && request instanceof ProxyRequest) {
      this.#resting.rest(request.socket, waitSeconds);
    }
    return true;
  }

  figures(): TrafficFigures {
    const { circuits, limited } = this.admission;
    return {
      connections: this.#connections.open,
      refusedConnections: this.#connections.refused,
      stalledReaders: this.#connections.stalledReaders,
      shedding: this.#shedder.shedding,
      limited,
      circuits: circuits.figures(),
      circuitsOpened: circuits.opened,
    };
  }
}

/** The client does not read: what waits for it can as little be sent as an end. */
function cutStalled(socket: Socket): void {
  const response: unknown = Reflect.get(socket, '_httpMessage');
  if (response instanceof ServerResponse && response.req instanceof ProxyRequest) {
    response.req.exchange?.fail('request_timeout', 'The client did not read the response.');
  }
  socket.destroy();
}
