/**
 * config: flags, environment variables, the config file and the routes document, made into checked values
 * with errors that help. Imports core, zod, jsonc-parser and Node's own modules.
 */
export {
  type CheckedRoutes,
  checkRoutesDocument,
  parseRoutesText,
} from './check-routes-document.js';
export { diffRoutes, type RoutesDifference } from './diff-routes.js';
export { type EditedRoutesText, replaceSecretsInText } from './edit-routes-text.js';
export {
  type ListenerLimits,
  type ListenerTls,
  loadSettings,
  type RootKeySource,
  type Settings,
  type SettingsInput,
} from './load-settings.js';
export type { LogLevel } from './parse-setting.js';
export {
  type PlannedReplacement,
  type PlannedRoutes,
  planReplacement,
  planRoutes,
} from './plan-replacement.js';
export {
  namedIn,
  type ReplacedSecret,
  replaceSecret,
  type SecretReplacement,
} from './replace-secret.js';
export {
  type AppliedRoutes,
  createRoutesControl,
  type RoutesControl,
  type RoutesInput,
  type RoutesStore,
  type RoutesValidation,
} from './routes-control.js';
export { routesJsonSchema } from './routes-json-schema.js';
export { SETTINGS, type SettingName, type SettingRow } from './setting-table.js';
export type { TraceSettings } from './trace-settings.js';
export { unknownVariables } from './unknown-variables.js';
export {
  type RoutesWatcher,
  type WatchRoutesOptions,
  watchRoutesFile,
} from './watch-routes-file.js';
