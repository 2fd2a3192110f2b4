import { PROVIDERS_ENVIRONMENT } from '../core/index.js';

/** What a new value is for; `name` as a template has it. */
export function howToUse(name: string, environment: string): string {
  return environment === PROVIDERS_ENVIRONMENT
    ? 'Name it in the config of a rotation: keyferry rotation enable --help'
    : `Use it in routes: "Authorization": "Bearer <<secret:${name}>>"`;
}
