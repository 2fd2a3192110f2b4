/** Names of environments: lower case, as they appear in tokens, routes and logs. */
export const ENVIRONMENT_NAME = /^[a-z][a-z0-9-]{0,62}$/;

/** Environments that exist from the first start. */
export const INITIAL_ENVIRONMENTS = ['development', 'staging', 'production'] as const;

/** Holds the credentials of rotation providers; no route and no client token can name it. */
export const PROVIDERS_ENVIRONMENT = '_providers';

export interface Environment {
  readonly name: string;
  readonly createdAtMs: number;
}
