import type { IncomingHttpHeaders } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Dispatcher } from 'undici';
import { AppError, type EchoFinding, type EchoScrub, type Plan } from '../core/index.js';
import {
  type BodyForm,
  readBodyForm,
  removeDigests,
  removeEncoding,
  removeValidator,
  setLength,
} from './body-form.js';
import { BodyDecoder, type Coding, type DecodedBody, decodeShort } from './decode-body.js';
import type { Exchange } from './exchange.js';
import { isConnectionFailing } from './guarded-connector.js';
import { EchoJudge } from './judge-echo.js';
import { EchoStream } from './scrub-stream.js';

type Controller = Dispatcher.DispatchController;

/** Below it a body comes with its head or soon after, so that the head may wait for it. */
const SHORT_BYTES = 100_000;

/**
 * Stands between undici and an exchange whose response is searched for the values that its plan places: head, body
 * and trailers. Under `mask` every form gives way to a fixed text; under `block` the first one ends the response.
 *
 * The head waits for the first piece of the body, which comes along with it, or for the end of the turn: so a short
 * body keeps its Content-Length, and a blocked one gets an answer instead of a reset.
 *
 * To the exchange it is also what undici's controller is, so that giving up ends the decoding too.
 */
export class ScrubbedResponse implements Dispatcher.DispatchHandler, Controller, DecodedBody {
  readonly #exchange: Exchange;
  readonly #masks: boolean;
  readonly #judge: EchoJudge;
  readonly #stream: EchoStream;
  #controller: Controller | undefined;
  #status = 0;
  #message = '';
  #began = false;
  /** Undefined where the body passes as it is. */
  #body: BodyForm | undefined;
  /** Bytes of the body still to come; negative where its length is not known. */
  #bytesLeft = -1;
  #decoder: BodyDecoder | undefined;

  constructor(
    exchange: Exchange,
    plan: Plan,
    scrub: EchoScrub,
    report: (finding: EchoFinding) => void,
  ) {
    this.#exchange = exchange;
    this.#masks = scrub.mode === 'mask';
    this.#judge = new EchoJudge(exchange, plan, !this.#masks, report);
    this.#stream = new EchoStream(scrub.matcher);
  }

  onRequestStart(controller: Controller): void {
    this.#controller = controller;
    this.#exchange.onRequestStart(this);
  }

  onResponseStart(
    controller: Controller,
    status: number,
    _headers: IncomingHttpHeaders,
    message = '',
  ): void {
    const exchange = this.#exchange;
    if (exchange.over) return;
    if (status < 200) {
      exchange.onResponseStart(controller, status, undefined);
      return;
    }
    const raw = rawFields(controller.rawHeaders);
    const body = readBodyForm(raw);
    this.#status = status;
    this.#message = this.#stream.text(message);
    this.#stream.fields(raw);
    if (this.#isBlocked()) return;
    const isEmpty =
      status === 204 || status === 304 || body.length === 0 || exchange.method === 'HEAD';
    if (this.#masks && body.isBinary) {
      this.#begin();
    } else if (body.coding === 'unknown') {
      if (isEmpty || !this.#judge.blocksUnreadable(status)) this.#begin();
    } else {
      // HEAD says what GET would.
      if (body.coding !== 'identity') removeEncoding(raw);
      if (isEmpty) this.#begin();
      else this.#awaitBody(body);
    }
  }

  onResponseData(controller: Controller, piece: Buffer): void {
    const exchange = this.#exchange;
    const body = this.#body;
    if (body === undefined || exchange.over) {
      exchange.onResponseData(controller, piece);
      return;
    }
    const isWhole = !this.#began && piece.length === body.length;
    this.#bytesLeft -= piece.length;
    if (body.coding === 'identity') {
      this.#pass(controller, piece, this.#bytesLeft === 0);
      return;
    }
    const coding = body.coding as Coding;
    const decoded = isWhole && this.#decoder === undefined ? decodeShort(coding, piece) : undefined;
    if (decoded !== undefined) this.#pass(controller, decoded, true);
    else this.#decoderFor(coding).write(piece, controller);
  }

  onResponseEnd(controller: Controller): void {
    if (this.#decoder === undefined) {
      this.#finish(controller);
    } else if (isConnectionFailing()) {
      // True only now: the exchange would not see it later.
      this.#decoder.abort();
      this.#exchange.onResponseEnd(controller);
    } else {
      this.#decoder.end();
    }
  }

  onResponseError(controller: Controller, error: Error): void {
    this.#decoder?.abort();
    this.#exchange.onResponseError(controller, error);
  }

  onRequestUpgrade(
    controller: Controller,
    status: number,
    headers: IncomingHttpHeaders,
    upstream: Duplex,
  ): void {
    this.#status = status;
    this.#stream.fields(rawFields(controller.rawHeaders));
    if (this.#isBlocked()) upstream.destroy();
    else this.#exchange.onRequestUpgrade(controller, status, headers, upstream);
  }

  get aborted(): boolean {
    return this.#controller?.aborted ?? false;
  }

  get reason(): Error | null {
    return this.#controller?.reason ?? null;
  }

  get paused(): boolean {
    return this.#controller?.paused ?? false;
  }

  pause(): void {
    this.#controller?.pause();
  }

  resume(): void {
    this.#controller?.resume();
  }

  abort(reason: Error): void {
    this.#decoder?.abort();
    this.#controller?.abort(reason);
  }

  decoded(piece: Buffer): void {
    if (this.#decoder !== undefined) this.#pass(this.#decoder, piece, false);
  }

  decodedAll(): void {
    if (this.#controller !== undefined) this.#finish(this.#controller);
  }

  notDecodable(): void {
    const detail = "The upstream's response body is not what its Content-Encoding says.";
    this.#exchange.failWith(new AppError('upstream_protocol_error', detail));
  }

  /** Sends the head when no body came with it: an event stream may be silent for minutes. */
  beginLate(): void {
    if (!this.#began && !this.#exchange.over) this.#beginOpen();
  }

  #awaitBody(body: BodyForm): void {
    this.#body = body;
    this.#bytesLeft = body.length;
    if (body.length < 0 || body.length >= SHORT_BYTES) process.nextTick(beginLate, this);
  }

  /** Passes on what of a piece of the body may be passed on. */
  #pass(controller: Controller, piece: Buffer, isLast: boolean): void {
    const clean = this.#stream.write(piece, isLast);
    if (this.#isBlocked()) return;
    if (!this.#began) {
      if (isLast) this.#beginWhole(clean, clean !== piece);
      else this.#beginOpen();
    }
    if (clean.length > 0) this.#exchange.onResponseData(controller, clean);
  }

  #finish(controller: Controller): void {
    if (this.#exchange.over) return;
    if (this.#body !== undefined) this.#pass(controller, NOTHING, true);
    const trailers = rawFields(controller.rawTrailers);
    if (trailers.length > 0) {
      this.#stream.fields(trailers);
      if (this.#changesBody()) removeDigests(trailers);
    }
    if (!this.#isBlocked()) this.#exchange.onResponseEnd(controller);
  }

  /** The whole body is known. */
  #beginWhole(body: Buffer, isChanged: boolean): void {
    const raw = rawFields(this.#controller?.rawHeaders);
    const isDecoded = this.#body?.coding !== 'identity';
    if (isChanged || isDecoded) setLength(raw, body.length);
    if (isChanged) {
      removeDigests(raw);
      removeValidator(raw);
    }
    this.#begin();
  }

  /** More of the body is to come, and what of it will be masked is not known. */
  #beginOpen(): void {
    if (this.#changesBody()) {
      const raw = rawFields(this.#controller?.rawHeaders);
      setLength(raw, -1);
      removeDigests(raw);
    }
    this.#begin();
  }

  /** Whether the body may become another one than the upstream sent. */
  #changesBody(): boolean {
    const body = this.#body;
    return body !== undefined && (this.#masks || body.coding !== 'identity');
  }

  #begin(): void {
    const controller = this.#controller;
    if (controller === undefined) return;
    this.#began = true;
    try {
      this.#exchange.onResponseStart(controller, this.#status, undefined, this.#message);
    } catch (error) {
      // undici would take it where it calls; here a timer or a decoder may be what calls.
      this.#exchange.onResponseError(controller, error as Error);
    }
  }

  #decoderFor(coding: Coding): BodyDecoder {
    this.#decoder ??= new BodyDecoder(coding, this);
    return this.#decoder;
  }

  #isBlocked(): boolean {
    return this.#judge.blocksFound(this.#stream.found, this.#status);
  }
}

const NOTHING = Buffer.alloc(0);

function beginLate(response: ScrubbedResponse): void {
  response.beginLate();
}

/** Header or trailer fields as undici has them; what is changed in them is what the exchange sees. */
function rawFields(raw: Controller['rawHeaders']): Uint8Array[] {
  return Array.isArray(raw) ? (raw as Uint8Array[]) : [];
}
