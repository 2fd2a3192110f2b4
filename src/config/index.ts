/**
 * config: flags, environment variables, the config file and the routes document, made into checked values
 * with errors that help. Imports core, zod, jsonc-parser and Node's own modules.
 */
export {
  type CheckedRoutes,
  checkRoutesDocument,
  parseRoutesText,
} from './check-routes-document.js';
