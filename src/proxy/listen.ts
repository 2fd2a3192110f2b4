import { type RequestListener, ServerResponse } from 'node:http';
import { type AddressInfo, Server as NetServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import {
  type Clock,
  type Decision,
  type ErrorCode,
  errorTable,
  type ListenAddress,
  type Plan,
  type PlanToTry,
  type PreparedTry,
  type ProbeAnswer,
  type ProbeRequest,
  type RouteShape,
  type Snapshot,
  type Telemetry,
  type TrafficFigures,
  type TriedRequest,
  type UsageOutcome,
} from '../core/index.js';
import { AnswersInLine } from './answers-in-line.js';
import {
  createHttpServer,
  DEFAULT_PROXY_LIMITS,
  type HttpServer,
  type ProxyLimits,
  type ProxyTls,
} from './create-http-server.js';
import { Exchange, type ExchangeHost } from './exchange.js';
import type { ResolveAll } from './guard-address.js';
import { TrafficGuard } from './guard-traffic.js';
import { handleRequest } from './handle-request.js';
import { Http2Sessions } from './http2-sessions.js';
import { ByteBudget } from './kept-bytes.js';
import { FailureLimit } from './limit-failures.js';
import { listenError } from './listen-error.js';
import { probeUpstream } from './probe-upstream.js';
import { ProxyRequest } from './proxy-request.js';
import { offersWebSocket, withoutUpgrade } from './read-upgrade.js';
import type { RequestContext, UsageSink } from './request-context.js';
import { nextRequestId } from './request-id.js';
import { problemAnswer } from './send-problem.js';
import { toAppError } from './to-app-error.js';
import { prepareTry } from './try-request.js';
import { type UpgradedConnection, UpgradedConnections } from './upgraded-connections.js';
import { UpstreamPools } from './upstream-pools.js';

export interface ProxyListenerOptions {
  snapshot(): Snapshot;
  readonly noRoute: RouteShape;
  readonly usage: UsageSink;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  readonly limits?: Partial<ProxyLimits> | undefined;
  readonly strictExpiry?: boolean | undefined;
  readonly tls?: ProxyTls | undefined;
  /** How names of upstreams are resolved; `dns.lookup` by default. */
  readonly resolveAll?: ResolveAll | undefined;
}

export interface ProxyListener {
  /** Throws `address_in_use`. Resolves with the address bound. */
  listen(address: ListenAddress): Promise<AddressInfo>;
  /** Closes connections to upstreams that no plan of the snapshot names, once their requests are done. */
  retainUpstreams(snapshot: Snapshot): void;
  readonly inFlight: number;
  /** Connections that outlive the request that opened them. */
  upgraded(): readonly UpgradedConnection[];
  /** What is held back, as of now. */
  traffic(): TrafficFigures;
  /** Sends one request of Keyferry's own by a plan. Never rejects. */
  probe(plan: Plan, target: Pick<ProbeRequest, 'method' | 'path'>): Promise<ProbeAnswer>;
  /** Makes a person's request ready. Throws what the proxy answers such a head with. */
  prepareTry(planned: PlanToTry, request: TriedRequest): PreparedTry;
  /**
   * Stops accepting, lets requests under way finish, and closes each connection after its answer. What is
   * still under way after `timeoutMs` is cut.
   */
  close(timeoutMs: number): Promise<void>;
}

/** A connection that is idle when a drain begins may hold a request on its way: it is given this long. */
const IDLE_GRACE_MS = 1000;
/** Turns of the event loop that a stop waits at most for one in which no new connection came. */
const MAX_ACCEPT_TURNS = 1000;

/** What all requests together keep while cutovers are under way; what would be more is not sent again. */
const RETRY_BYTES = 64 * 1024 * 1024;

/** Codes of a client that left, also in the middle of a message. */
const GONE: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'HPE_INVALID_EOF_STATE']);

export function createProxyListener(options: ProxyListenerOptions): ProxyListener {
  return new Listener(options);
}

class Listener implements ProxyListener, ExchangeHost {
  draining = false;
  readonly #options: ProxyListenerOptions;
  readonly #limits: ProxyLimits;
  readonly #pools: UpstreamPools;
  readonly #context: RequestContext;
  readonly #server: HttpServer;
  readonly #http2: Http2Sessions;
  readonly #line = new AnswersInLine();
  readonly #traffic: TrafficGuard;
  #inFlight = 0;
  readonly #upgraded = new UpgradedConnections();
  #onIdle: (() => void) | undefined;

  constructor(options: ProxyListenerOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_PROXY_LIMITS, ...options.limits };
    this.#pools = new UpstreamPools(options.resolveAll);
    this.#traffic = new TrafficGuard(this.#limits);
    this.#context = {
      snapshot: options.snapshot,
      pools: this.#pools,
      failures: new FailureLimit(options.clock),
      admission: this.#traffic.admission,
      noRoute: options.noRoute,
      maxHeaders: this.#limits.maxHeaders,
      bodyIdleMs: this.#limits.bodyIdleMs,
      strictExpiry: options.strictExpiry ?? false,
      retryMemory: new ByteBudget(RETRY_BYTES),
      usage: options.usage,
      traces: options.telemetry.traces,
      now: () => options.clock.now(),
      echo: (finding) => options.telemetry.echo(finding),
      clientRefused: (refusal) => options.telemetry.clientRefused?.(refusal),
    };
    this.#http2 = new Http2Sessions(this.#limits, (request, response) => {
      this.#handle(new Exchange(this, request, response));
    });
    this.#server = this.#createServer();
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  now(): number {
    return this.#options.clock.now();
  }

  traffic(): TrafficFigures {
    return this.#traffic.figures();
  }

  probe(plan: Plan, target: Pick<ProbeRequest, 'method' | 'path'>): Promise<ProbeAnswer> {
    return probeUpstream(this.#context, this.#options.telemetry, plan, target);
  }

  prepareTry(planned: PlanToTry, request: TriedRequest): PreparedTry {
    return prepareTry(this.#context, this.#options.telemetry, planned, request);
  }

  answered(exchange: Exchange, plan: Plan, status: number): void {
    this.#traffic.admission.circuits.answered(exchange, plan, status);
  }

  used(
    plan: Plan,
    clientId: string,
    outcome: UsageOutcome,
    usedAtMs: number,
    isObserved: boolean,
  ): void {
    this.#options.usage.record(plan, clientId, outcome, usedAtMs, isObserved);
  }

  ended(exchange: Exchange): void {
    this.#inFlight--;
    this.#traffic.admission.ended(exchange);
    if (exchange.upgrade !== undefined) this.#upgraded.delete(exchange);
    this.#options.telemetry.decision(exchange);
    if (exchange.code !== undefined && exchange.sentAtMs === 0) {
      this.#options.usage.recordNotSent(exchange.environment);
    }
    exchange.plan?.stats.record(exchange.status, exchange.code, exchange.durationMs);
    if (this.#inFlight === 0) this.#onIdle?.();
  }

  upgraded(): readonly UpgradedConnection[] {
    return this.#upgraded.list();
  }

  async listen(address: ListenAddress): Promise<AddressInfo> {
    await new Promise<void>((resolve, reject) => {
      // For good: an error of a later `accept` must not end the process.
      this.#server.on('error', (error: NodeJS.ErrnoException) => {
        reject(listenError(error, address));
      });
      this.#server.listen(address, resolve);
    });
    return this.#server.address() as AddressInfo;
  }

  retainUpstreams({ plans: all }: Snapshot): void {
    const ids = new Set<string>();
    for (const plans of all) {
      for (const { upstream } of plans.values()) ids.add(upstream.id);
    }
    this.#pools.retain(ids);
    this.#traffic.admission.circuits.retain(ids);
  }

  async close(timeoutMs: number): Promise<void> {
    await this.#acceptAll();
    // Not the HTTP server's own close, which drops idle connections at once: a request may be on its way on
    // them, and the answer to the next one tells the client that its connection ends.
    const closed = new Promise((resolve) => NetServer.prototype.close.call(this.#server, resolve));
    this.draining = true;
    this.#http2.announceEnd();
    const deadline = after(timeoutMs);
    await Promise.race([after(Math.min(IDLE_GRACE_MS, timeoutMs)).done, closed]);
    this.#http2.close();
    if (this.#inFlight > 0) {
      const idle = new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
      await Promise.race([idle, deadline.done]);
    }
    deadline.cancel();
    if (this.#inFlight > 0) this.#traffic.refuseNew();
    this.#server.close();
    this.#upgraded.endAll();
    // The last answers may still be on their way to the socket.
    const flush = after(Math.min(IDLE_GRACE_MS, timeoutMs));
    await Promise.race([closed, flush.done]);
    flush.cancel();
    this.#server.closeAllConnections();
    this.#http2.destroy();
    await closed;
    this.#traffic.close();
    await this.#pools.destroy();
  }

  /**
   * Returns right after a turn in which no connection came: the kernel resets those that wait to be accepted
   * when a socket is closed. libuv accepts one per turn.
   */
  async #acceptAll(): Promise<void> {
    let came = true;
    const onConnection = (): void => {
      came = true;
    };
    this.#server.on('connection', onConnection);
    for (let turn = 0; came && turn < MAX_ACCEPT_TURNS; turn++) {
      came = false;
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#server.off('connection', onConnection);
  }

  #createServer(): HttpServer {
    const { tls } = this.#options;
    const overTls = tls === undefined ? undefined : { files: tls, http2: this.#http2 };
    const server = createHttpServer(this.#limits, overTls);
    const onRequest: RequestListener<typeof ProxyRequest> = (request, response) => {
      if (this.#line.isClosed(request, response)) return;
      const exchange = new Exchange(this, request, response);
      this.#line.note(exchange, response);
      this.#handle(exchange);
    };
    this.#traffic.watch(server, this.#options.tls !== undefined);
    server.on('request', onRequest);
    // The answer to Expect is given once the request is known to be wanted.
    server.on('checkContinue', (request, response) => {
      request.expectsOutOfTurn = response.socket === null;
      onRequest(request, response);
    });
    server.on('checkExpectation', onRequest);
    const { bodyIdleMs } = this.#limits;
    server.on('upgrade', (request: ProxyRequest, duplex: Duplex, head: Buffer) => {
      const socket = duplex as Socket;
      if (this.#line.endIfOwed(socket, bodyIdleMs)) return;
      this.#upgrade(server, request, socket, head);
    });
    server.on('connect', (_request: ProxyRequest, socket: Duplex) => {
      if (this.#line.endIfOwed(socket as Socket, bodyIdleMs)) return;
      this.#answerRaw(socket, 'method_not_allowed', 'CONNECT is not taken.', 'CONNECT');
    });
    server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
      this.#clientError(error, socket);
    });
    return server;
  }

  #handle(exchange: Exchange): void {
    // A count, not a set of exchanges: a set of short-lived objects costs more in garbage collection than
    // all the rest of the bookkeeping.
    this.#inFlight++;
    if (this.#traffic.turnsAway(exchange, this.#inFlight)) return;
    try {
      handleRequest(this.#context, exchange);
    } catch (error) {
      exchange.failWith(toAppError(error));
    }
  }

  #upgrade(server: HttpServer, request: ProxyRequest, socket: Socket, head: Buffer): void {
    if (!offersWebSocket(request)) {
      // An offer such as h2c may be ignored (RFC 9110 section 7.8): the request goes on as it is.
      socket.unshift(Buffer.concat([withoutUpgrade(request), head]));
      server.emit(this.#options.tls === undefined ? 'connection' : 'secureConnection', socket);
      return;
    }
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket);
    response.on('finish', () => socket.destroySoon());
    socket.on('error', () => socket.destroy());
    const exchange = new Exchange(this, request, response);
    exchange.upgrade = { socket, head, response };
    this.#upgraded.add(exchange);
    socket.on('close', () => exchange.abandon());
    // Without reading, a client that leaves before the switch would not be noticed.
    socket.on('readable', noticeEnd);
    socket.on('end', () => {
      if (exchange.status !== 101) socket.destroy();
    });
    this.#handle(exchange);
  }

  #clientError(error: NodeJS.ErrnoException, socket: Duplex): void {
    if (GONE.has(error.code ?? '') || !socket.writable) {
      socket.destroy();
      return;
    }
    const response: unknown = Reflect.get(socket, '_httpMessage');
    if (response instanceof ServerResponse && response.req instanceof ProxyRequest) {
      this.#errorWhileAnswering(error, socket, response, response.req);
      return;
    }
    if (error.code === 'HPE_HEADER_OVERFLOW') {
      const detail = `The headers are longer than ${this.#limits.maxHeaderBytes} bytes.`;
      this.#answerRaw(socket, 'headers_too_large', detail);
    } else if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
      this.#answerRaw(socket, 'request_timeout', 'The request headers came too slowly.');
    } else {
      this.#answerRaw(socket, 'request_rejected', 'The request is not valid HTTP/1.1.');
    }
  }

  /** Bytes that are no HTTP came while an answer is owed or under way: nothing may be written into it. */
  #errorWhileAnswering(
    error: NodeJS.ErrnoException,
    socket: Duplex,
    response: ServerResponse,
    { complete, exchange }: ProxyRequest,
  ): void {
    if (complete) response.once('close', () => this.#clientError(error, socket));
    else if (exchange === undefined || exchange.over) socket.destroy();
    else exchange.fail('request_rejected', 'The request body is not valid.');
  }

  /** Answers where there is no request to answer: on the socket itself, which is then closed. */
  #answerRaw(socket: Duplex, code: ErrorCode, detail: string, method = ''): void {
    const requestId = nextRequestId();
    const { status, headers, body } = problemAnswer(code, detail, requestId);
    let text = `HTTP/1.1 ${status} ${errorTable[code].title}\r\n`;
    for (let i = 0; i < headers.length; i += 2) text += `${headers[i]}: ${headers[i + 1]}\r\n`;
    socket.on('error', () => socket.destroy());
    socket.end(`${text}Connection: close\r\n\r\n${body}`, () => socket.destroy());
    const decision: Decision = {
      requestId,
      method,
      route: undefined,
      environment: undefined,
      client: undefined,
      status,
      code,
      upstream: undefined,
      secrets: [],
      durationMs: 0,
    };
    this.#options.telemetry.decision(decision);
    this.#options.usage.recordNotSent(undefined);
  }
}

/** What came early stays in the socket's buffer for the upstream. */
function noticeEnd(this: Socket): void {
  if (this.readableLength === 0) this.read();
}

function after(ms: number): { readonly done: Promise<void>; cancel(): void } {
  let timer: NodeJS.Timeout | undefined;
  const done = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  return { done, cancel: () => clearTimeout(timer) };
}
