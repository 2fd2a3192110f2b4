/**
 * proxy: one request through: match → authenticate → resolve → clean → place → send → stream → record.
 * The only home of undici. Imports only core/, lru-cache and Node; the snapshot reaches it as a port.
 */
export { DEFAULT_PROXY_LIMITS, type ProxyLimits, type ProxyTls } from './create-http-server.js';
export { createProxyListener, type ProxyListener, type ProxyListenerOptions } from './listen.js';
export { createOutbound } from './outbound.js';
export { createUsageRecorder, type UsageRecorder } from './record-usage.js';
export type { UpgradedConnection } from './upgraded-connections.js';
