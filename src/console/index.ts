/**
 * console: the web pages of the admin listener: every key, its age and its use, and ways to change it. A client of the
 * admin API, in the same process. Imports core, hono and openid-client.
 */
export { type Console, type ConsoleDependencies, createConsole } from './create-console.js';
