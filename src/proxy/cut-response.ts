import { ServerResponse } from 'node:http';
import { TLSSocket } from 'node:tls';
import { Http2Response } from './http2-response.js';
import type { InboundResponse } from './inbound-message.js';

/**
 * Breaks a response off so that no client takes it for whole: its connection, or its stream of HTTP/2, is
 * reset.
 */
export function cutResponse(response: InboundResponse): void {
  if (response instanceof Http2Response) response.reset();
  if (!(response instanceof ServerResponse)) return;
  const { socket } = response;
  // What `resetAndDestroy` sets too, but that one first ends the stream: to a client of HTTP/1.0 a clean end.
  if (socket !== null) Reflect.set(socket, 'resetAndClosing', !(socket instanceof TLSSocket));
  response.destroy();
}
