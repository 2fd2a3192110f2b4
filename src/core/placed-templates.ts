import { compileCanonical } from './canonical.js';
import type { EffectiveRoute } from './route.js';
import { AWS_FIELDS } from './signing.js';
import { compileTemplate, type SecretReference } from './template.js';

/** One place of a route that names secrets. */
export interface PlacedTemplate {
  /** The keys that lead to it, from the route or from the environment that overrides it. */
  readonly at: readonly string[];
  /** What a person knows it by: the header, parameter or field, `path`, or `signature`. */
  readonly name: string;
  readonly references: readonly SecretReference[];
}

/** Every place of a route, in one environment, that is filled from secrets. */
export function placedTemplates(effective: EffectiveRoute): PlacedTemplate[] {
  const { headers, query, path, body, sign } = effective;
  const found: PlacedTemplate[] = [];
  const add = (at: readonly string[], name: string, text: string | undefined): void => {
    if (text === undefined) return;
    found.push({ at, name, references: compileTemplate(text).template.references });
  };
  for (const [name, text] of headers) add(['headers', name], name, text);
  for (const [name, text] of query) add(['query', name], name, text);
  add(['path'], 'path', path);
  for (const [name, text] of body?.json ?? []) add(['body', 'json', name], name, text);
  for (const [name, text] of body?.form ?? []) add(['body', 'form', name], name, text);
  if (sign?.hmac !== undefined) {
    const { key, prefix, canonical } = sign.hmac;
    add(['sign', 'hmac', 'key'], 'signature', key);
    for (const [at, text] of Object.entries({ prefix, canonical })) {
      const { references } = compileCanonical(text ?? '');
      found.push({ at: ['sign', 'hmac', at], name: 'signature', references });
    }
  }
  if (sign?.aws !== undefined) {
    const references = compileTemplate(sign.aws.credentials).template.references.flatMap(
      awsReferences,
    );
    found.push({ at: ['sign', 'aws', 'credentials'], name: 'signature', references });
  }
  return found;
}

/** The fields that a key pair must have: the session token may be absent. */
function awsReferences(reference: SecretReference): SecretReference[] {
  const [accessKeyId, secretAccessKey] = AWS_FIELDS;
  return [accessKeyId, secretAccessKey].map((field) => ({ ...reference, field }));
}
