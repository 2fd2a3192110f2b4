import {
  describeTemplate,
  normaliseHeaderName,
  type PlacedNames,
  placedTemplates,
  redacted,
  type SecretReference,
  signingHeaders,
} from '../core/index.js';
import type { PlanSource, Resolve } from './render-plan.js';

/** What a plan places, by names. `replace` as for `renderPlan`. */
export function describePlaced(
  { effective, headers, query, path, body }: PlanSource,
  resolve: Resolve,
  replace: (reference: SecretReference) => SecretReference,
): PlacedNames {
  const nameOf = (named: SecretReference): string => {
    const { name, field, version } = replace(named);
    const found = resolve({ secret: name, environment: effective.environment, version });
    const text = field === undefined ? name : `${name}.${field}`;
    return found.status === 'found' ? `${text} v${found.version}` : text;
  };
  const all = (entries: PlanSource['headers']): [string, string][] =>
    entries.map(([name, template]) => [name, describeTemplate(template, nameOf)]);
  const signed = placedTemplates(effective)
    .filter(({ at }) => at[0] === 'sign')
    .flatMap(({ references }) => references.map(nameOf));
  const signature = redacted(`signed with ${[...new Set(signed)].join(', ')}`);
  return {
    headers: new Map([
      ...all(headers).map(([name, text]): [string, string] => [normaliseHeaderName(name), text]),
      ...signingHeaders(effective.sign).map((name): [string, string] => [
        normaliseHeaderName(name),
        signature,
      ]),
    ]),
    query: all(query),
    path: path === undefined ? undefined : describeTemplate(path, nameOf),
    body: body === undefined ? [] : [...all(body.json), ...all(body.form)],
  };
}
