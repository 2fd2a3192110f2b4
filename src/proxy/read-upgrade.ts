import type { IncomingMessage } from 'node:http';

/**
 * RFC 6455 section 4.1: GET, `Upgrade: websocket` with a key. One with a body is none: nobody could tell where
 * the body ends and the WebSocket begins.
 */
export function offersWebSocket(request: IncomingMessage): boolean {
  return (
    request.method === 'GET' &&
    request.headers.upgrade?.toLowerCase() === 'websocket' &&
    request.headers['sec-websocket-key'] !== undefined &&
    request.headers['content-length'] === undefined &&
    request.headers['transfer-encoding'] === undefined
  );
}

const UPGRADE_HEADERS = new Set(['upgrade', 'http2-settings']);

/**
 * The head of a request as it would have been without its offer to upgrade. What remains of `Connection`
 * stays, so that it still means what the client said.
 */
export function withoutUpgrade(request: IncomingMessage): Buffer {
  let head = `${request.method} ${request.url} HTTP/${request.httpVersion}\r\n`;
  const raw = request.rawHeaders;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    const lower = name.toLowerCase();
    if (UPGRADE_HEADERS.has(lower)) continue;
    const value = lower === 'connection' ? withoutTokens(raw[i + 1] as string) : raw[i + 1];
    if (value !== '' || lower !== 'connection') head += `${name}: ${value}\r\n`;
  }
  return Buffer.from(`${head}\r\n`, 'latin1');
}

function withoutTokens(connection: string): string {
  return connection
    .split(',')
    .filter((token) => !UPGRADE_HEADERS.has(token.trim().toLowerCase()))
    .join(',');
}
