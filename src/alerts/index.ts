/**
 * alerts: what needs a person: rules (pure functions of facts and a time), and the engine that runs them beside the
 * request path. the channels by which
 * people are told, and what sends to them. Imports core/ and nodemailer; store and network reach it as ports.
 */

export { type AlertEngine, type AlertEngineOptions, createAlertEngine } from './alert-engine.js';
export type { OutgoingMessage } from './channels/channel-sender.js';
export { createNotifier, type Notifier, type NotifierOptions } from './notifier.js';
