/**
 * alerts: what needs a person: rules (pure functions of facts and a time), and the engine that runs them beside the
 * request path. Imports only core/ and Node's timers; the store reaches it as a port.
 */
export { type AlertEngine, type AlertEngineOptions, createAlertEngine } from './alert-engine.js';
