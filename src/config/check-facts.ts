import {
  nearestName,
  type RoutesDocument,
  refusedHost,
  type Store,
  showName,
  type ValueReference,
} from '../core/index.js';
import type { Finding } from './finding.js';
import type { NamedSecret } from './named-secrets.js';

/** What a document is checked against. */
export type RouteFacts = Pick<
  Store,
  'listEnvironments' | 'listSecrets' | 'listVersions' | 'missingValues' | 'secretHosts'
>;

/**
 * Checks a well-formed document against what is there: declared environments, secrets, their values in each
 * environment, pinned versions, fields, and the hosts that a secret may be sent to. What `allowMissing` lets
 * pass comes back as a warning: such requests fail with `secret_missing`.
 */
export async function checkFacts(
  document: RoutesDocument,
  named: readonly NamedSecret[],
  facts: RouteFacts,
  allowMissing: boolean,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const missing = allowMissing ? 'warning' : 'error';
  const declared = new Set((await facts.listEnvironments()).map(({ name }) => name));
  for (const [index, route] of document.routes.entries()) {
    for (const environment of Object.keys(route.environments)) {
      if (declared.has(environment)) continue;
      const path = ['routes', index, 'environments', environment];
      const message = `the environment "${environment}" is not declared; declared: ${[...declared].join(', ')}`;
      const nearest = nearestName(environment, declared);
      findings.push({ path, severity: 'error', message, nearest });
    }
  }
  const names = [...new Set(named.map(({ reference }) => reference.name))];
  const hosts = await facts.secretHosts(names);
  const unknown = await nearestSecrets(
    names.filter((name) => !hosts.has(name)),
    facts,
  );
  const checkable: NamedSecret[] = [];
  for (const place of named) {
    const { name } = place.reference;
    const allowed = hosts.get(name);
    if (allowed === undefined) {
      const message = `there is no secret ${showName(name)}`;
      findings.push({ path: place.path, severity: missing, message, nearest: unknown.get(name) });
      continue;
    }
    const refused = refusedHost(place.effective, allowed);
    if (refused !== undefined) {
      const what = refused === place.effective.upstream.hostname ? 'upstream' : '"tls.serverName"';
      const message = `the secret "${name}" may be sent to ${allowed.join(', ')} only, and the ${what} in "${place.environment}" is ${refused}`;
      findings.push({ path: place.path, severity: 'error', message });
    }
    if (declared.has(place.environment)) checkable.push(place);
  }
  const without = await missingKeys(checkable, facts);
  const versionsOf = remembered(facts);
  for (const place of checkable) {
    const { path } = place;
    const message = without.has(keyOf(valueReference(place)))
      ? missingMessage(place)
      : await fieldMessage(place, versionsOf);
    if (message !== undefined) findings.push({ path, severity: missing, message });
  }
  return oncePerPlace(findings);
}

function missingMessage({ reference, environment }: NamedSecret): string {
  const { name, version } = reference;
  return version === undefined
    ? `the secret "${name}" has no value in "${environment}"`
    : `the secret "${name}" has no usable version ${version} in "${environment}"`;
}

/** A field that the value in use does not have would fail at the first request as a missing value does. */
async function fieldMessage(
  { reference, environment }: NamedSecret,
  versionsOf: RouteFacts['listVersions'],
): Promise<string | undefined> {
  const { name, field, version } = reference;
  if (field === undefined) return undefined;
  const versions = await versionsOf(name, environment);
  const used = versions.find((candidate) =>
    version === undefined ? candidate.state === 'current' : candidate.version === version,
  );
  if (used === undefined || used.fields.includes(field)) return undefined;
  const fields = used.fields.length === 0 ? 'no fields' : `the fields ${used.fields.join(', ')}`;
  return `version ${used.version} of "${name}" in "${environment}" has ${fields}, not "${field}"`;
}

/** Thousands of routes may name fields of one secret: it is asked for once. */
function remembered(facts: RouteFacts): RouteFacts['listVersions'] {
  const known = new Map<string, ReturnType<RouteFacts['listVersions']>>();
  return (secret, environment) => {
    const key = JSON.stringify([secret, environment]);
    const versions = known.get(key) ?? facts.listVersions(secret, environment);
    known.set(key, versions);
    return versions;
  };
}

async function missingKeys(
  places: readonly NamedSecret[],
  facts: RouteFacts,
): Promise<ReadonlySet<string>> {
  const references = new Map(
    places.map((place) => {
      const reference = valueReference(place);
      return [keyOf(reference), reference];
    }),
  );
  return new Set((await facts.missingValues([...references.values()])).map(keyOf));
}

function valueReference({ reference, environment }: NamedSecret): ValueReference {
  return { secret: reference.name, environment, version: reference.version };
}

function keyOf({ secret, environment, version }: ValueReference): string {
  return JSON.stringify([secret, environment, version ?? null]);
}

/** Enough to find a misspelling without reading a store of 100,000 secrets. */
const CANDIDATES = 1000;
/** Names that a nearest spelling is looked for; a document with more is not suffering from misspellings. */
const MOST_LOOKED_UP = 20;

async function nearestSecrets(
  unknown: readonly string[],
  facts: RouteFacts,
): Promise<ReadonlyMap<string, string>> {
  const nearest = new Map<string, string>();
  for (const name of unknown.slice(0, MOST_LOOKED_UP)) {
    for (const namePrefix of [name.slice(0, Math.ceil(name.length / 2)), name.slice(0, 1), '']) {
      const { items } = await facts.listSecrets({ namePrefix, limit: CANDIDATES });
      const found = nearestName(
        name,
        items.map((secret) => secret.name),
      );
      if (found === undefined) continue;
      nearest.set(name, found);
      break;
    }
  }
  return nearest;
}

/** A header that all environments share is one place: the same sentence is said there once. */
function oncePerPlace(findings: readonly Finding[]): Finding[] {
  const seen = new Map(findings.map((finding) => [JSON.stringify(finding), finding]));
  return [...seen.values()];
}
