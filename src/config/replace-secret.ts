import {
  effectiveRoute,
  type PlacedTemplate,
  type Problem,
  placedTemplates,
  type Route,
  type RoutesDocument,
  renameInTemplate,
} from '../core/index.js';
import { type JsonEdit, setInJson } from './edit-json.js';
import { type JsonPath, printPath } from './finding.js';
import { at } from './salvage.js';

/** Which secret takes the place of which, and where. */
export interface SecretReplacement {
  readonly from: string;
  readonly to: string;
  readonly environment: string;
}

export interface ReplacedSecret {
  /** The document that is made of the one given; the same one where nothing names `from`. */
  readonly document: RoutesDocument;
  /** What to set in it, from the root; empty where nothing names `from`. */
  readonly edits: readonly JsonEdit[];
  /** What requests of the environment will find changed, place by place. */
  readonly changes: readonly ReplacedText[];
  /** Places that pin a version of `from`: nobody but a person can say which version of `to` they mean. */
  readonly pinned: readonly Problem[];
}

export interface ReplacedText {
  /** Where it stands afterwards. */
  readonly path: string;
  readonly before: string;
  readonly after: string;
}

/**
 * Puts another secret in the place of `from` wherever a route names it in one environment. What the route says for
 * all of its environments stays for the others: this one gets its own header, parameter, field, path or signature.
 */
export function replaceSecret(
  document: RoutesDocument,
  { from, to, environment }: SecretReplacement,
): ReplacedSecret {
  const edits: JsonEdit[] = [];
  const changes: ReplacedText[] = [];
  const pinned: Problem[] = [];
  for (const [index, route] of document.routes.entries()) {
    const here = ['routes', index];
    const signature: JsonEdit[] = [];
    for (const place of placesOf(route, environment)) {
      for (const { name, version } of place.references) {
        if (name !== from || version === undefined) continue;
        const message = `it names ${name}@${version}, a version of "${name}" alone: change it by hand first`;
        pinned.push({ path: printPath([...here, ...place.path]), message });
      }
      const value = renameInTemplate(place.text, from, to);
      if (value === place.text) continue;
      const own = isOwn(route, environment, place);
      const path = own
        ? [...here, ...place.path]
        : [...here, 'environments', environment, ...place.at];
      changes.push({ path: printPath(path), before: place.text, after: value });
      if (own || place.at[0] !== 'sign') edits.push({ path, value });
      else signature.push({ path: place.at.slice(1), value });
    }
    if (signature.length === 0) continue;
    const value = setInJson(route.sign, signature);
    edits.push({ path: [...here, 'environments', environment, 'sign'], value });
  }
  return { document: setInJson(document, edits) as RoutesDocument, edits, changes, pinned };
}

/** Where routes name a secret in one environment without pinning a version of it. */
export function namedIn(document: RoutesDocument, secret: string, environment: string): string[] {
  return document.routes.flatMap((route, index) =>
    placesOf(route, environment)
      .filter(({ references }) =>
        references.some(({ name, version }) => name === secret && version === undefined),
      )
      .map(({ path }) => printPath(['routes', index, ...path])),
  );
}

interface Place extends PlacedTemplate {
  readonly text: string;
  /** From the route; `at` is from the environment where that has its own. */
  readonly path: JsonPath;
}

function placesOf(route: Route, environment: string): Place[] {
  const effective = effectiveRoute(route, environment);
  if (effective === undefined) return [];
  return placedTemplates(effective).flatMap((placed) => {
    const overridden = at(route.environments[environment], inherited(placed)) !== undefined;
    const path = overridden ? ['environments', environment, ...placed.at] : placed.at;
    const text = at(route, path);
    return typeof text === 'string' ? [{ ...placed, text, path }] : [];
  });
}

/** What an environment takes from its route as one: a header, a parameter, but a signature as a whole. */
function inherited({ at: keys }: PlacedTemplate): readonly string[] {
  return keys[0] === 'sign' ? ['sign'] : keys;
}

/** Whether no other environment takes what stands at the place. */
function isOwn(route: Route, environment: string, place: Place): boolean {
  if (place.path !== place.at) return true;
  return Object.entries(route.environments).every(
    ([name, other]) => name === environment || at(other, inherited(place)) !== undefined,
  );
}
