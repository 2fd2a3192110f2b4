/** The library door: what a program may import that runs Keyferry inside itself. Re-exports only. */
export { loadSettings, type Settings, type SettingsInput } from './config/index.js';
export * from './core/index.js';
export { type RunningServer, type ServerIo, startServer } from './server.js';
