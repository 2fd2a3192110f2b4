import {
  type Admin,
  AppError,
  nearestName,
  PROVIDERS_ENVIRONMENT,
  type Problem,
  type ProviderDescription,
  type RotationSettings,
  type Store,
} from '../core/index.js';
import { coversEnvironment, coversSecretName } from './scope.js';

type Config = RotationSettings['config'];
type Schema = ProviderDescription['configSchema'];

/** A place in a config that names a secret of `_providers`. */
interface Place {
  readonly path: string;
  readonly secret: string;
}

/** What marks such a field in a provider's schema. */
const MARK = 'provider-secret';
const ALTERNATIVES = ['anyOf', 'oneOf', 'allOf'] as const;

/**
 * That the secrets of `_providers` which a config names may be used by the admin, and are there. Throws `forbidden`,
 * before it says anything about them, for one outside the scope: who may name a credential may use it.
 */
export async function findMissingCredentials(
  store: Store,
  admin: Admin,
  schema: Schema,
  config: Config,
): Promise<Problem[]> {
  const places = placesOf(schema, config, 'config');
  const covered = ({ secret }: Place): boolean =>
    coversEnvironment(admin, PROVIDERS_ENVIRONMENT) && coversSecretName(admin, secret);
  const outside = places.find((place) => !covered(place));
  if (outside !== undefined) {
    throw new AppError(
      'forbidden',
      `${outside.path} names a secret of ${PROVIDERS_ENVIRONMENT}, which this token does not reach: it needs one whose environments and prefix include it.`,
    );
  }
  const references = places.map(({ secret }) => ({
    secret,
    environment: PROVIDERS_ENVIRONMENT,
    version: undefined,
  }));
  const missing = new Set((await store.missingValues(references)).map(({ secret }) => secret));
  if (missing.size === 0) return [];
  const known = await store.listSecrets({ environment: PROVIDERS_ENVIRONMENT, limit: 1000 });
  const names = known.items.map(({ name }) => name).filter((name) => coversSecretName(admin, name));
  return places
    .filter(({ secret }) => missing.has(secret))
    .map(({ path, secret }) => {
      const nearest = nearestName(secret, names);
      const message = `names "${secret}", which has no current value in ${PROVIDERS_ENVIRONMENT}`;
      return nearest === undefined ? { path, message } : { path, message, nearest };
    });
}

/** Whether a config names the secret. */
export function namesCredential(schema: Schema, config: Config, name: string): boolean {
  return placesOf(schema, config, 'config').some(({ secret }) => secret === name);
}

/** The config as the admin may see it: without the names of secrets outside the scope. */
export function visibleConfig(admin: Admin, schema: Schema, config: Config): Config {
  const hidden = new Set(
    placesOf(schema, config, 'config')
      .filter(
        ({ secret }) =>
          !coversEnvironment(admin, PROVIDERS_ENVIRONMENT) || !coversSecretName(admin, secret),
      )
      .map(({ path }) => path),
  );
  return hidden.size === 0 ? config : (without(config, hidden, 'config') as Config);
}

/**
 * That a config which is to be replaced as a whole names nothing that the admin may not see: it would be lost unnoticed.
 * Throws `forbidden`.
 */
export function requireWholeConfig(admin: Admin, schema: Schema, config: Config): void {
  if (visibleConfig(admin, schema, config) === config) return;
  throw new AppError(
    'forbidden',
    `"config" is replaced as a whole, and names a secret of ${PROVIDERS_ENVIRONMENT} which this token does not reach: somebody whose environments and prefix include it has to change it.`,
  );
}

function placesOf(schema: Schema, config: Config, at: string): Place[] {
  const found = new Map<string, Place>();
  for (const place of walk(schema, config, at)) found.set(place.path, place);
  return [...found.values()];
}

/** Every alternative of the schema counts: the config may fit another one than it was meant for. */
function* walk(schema: unknown, value: unknown, path: string): Generator<Place> {
  if (!isObject(schema)) return;
  if (schema['x-keyferry'] === MARK) {
    if (typeof value === 'string') yield { path, secret: value };
    return;
  }
  for (const word of ALTERNATIVES) {
    const several = schema[word];
    if (Array.isArray(several)) for (const one of several) yield* walk(one, value, path);
  }
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      yield* walk(schema.items, item, `${path}[${index}]`);
    }
  } else if (isObject(value)) {
    const properties = isObject(schema.properties) ? schema.properties : {};
    for (const [name, item] of Object.entries(value)) {
      const own = Object.hasOwn(properties, name) ? properties[name] : schema.additionalProperties;
      yield* walk(own, item, `${path}.${name}`);
    }
  }
}

function without(value: unknown, hidden: ReadonlySet<string>, path: string): unknown {
  if (Array.isArray(value)) {
    return value
      .map((item, index) => [`${path}[${index}]`, item] as const)
      .filter(([place]) => !hidden.has(place))
      .map(([place, item]) => without(item, hidden, place));
  }
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([name, item]) => [name, `${path}.${name}`, item] as const)
      .filter(([, place]) => !hidden.has(place))
      .map(([name, place, item]) => [name, without(item, hidden, place)]),
  );
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
