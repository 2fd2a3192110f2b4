import type { JsonPath } from './finding.js';

/** A value whose every part may be absent: what is left of a document without its misshapen parts. */
export type Salvaged<T> = T extends readonly (infer Item)[]
  ? readonly (Salvaged<Item> | undefined)[]
  : T extends object
    ? { readonly [Key in keyof T]?: Salvaged<T[Key]> | undefined }
    : T;

/**
 * `value` without what stands at `paths`, so that the rest can still be checked and a reader gets all
 * problems at once. In a list the removed item leaves `undefined`: indexes stay. Parts that nothing is
 * removed from are shared, not copied.
 */
export function salvage(value: unknown, paths: readonly JsonPath[]): unknown {
  const root: Removal = { whole: false, below: new Map() };
  for (const path of paths) {
    let here = root;
    for (const step of path) {
      const next = here.below.get(step) ?? { whole: false, below: new Map() };
      here.below.set(step, next);
      here = next;
    }
    here.whole = true;
  }
  return without(value, root);
}

/** What to remove: all of it, or some of what is below. */
interface Removal {
  whole: boolean;
  readonly below: Map<string | number, Removal>;
}

function without(value: unknown, removal: Removal | undefined): unknown {
  if (removal === undefined) return value;
  if (removal.whole) return undefined;
  if (Array.isArray(value))
    return value.map((item, index) => without(item, removal.below.get(index)));
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([key]) => !removal.below.get(key)?.whole);
  return Object.fromEntries(
    kept.map(([key, item]) => [key, without(item, removal.below.get(key))]),
  );
}

/** What stands at a path of a JSON value; undefined when nothing does. Own properties only. */
export function at(value: unknown, path: JsonPath): unknown {
  let here = value;
  for (const step of path) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, step)) return undefined;
    here = (here as Record<string | number, unknown>)[step];
  }
  return here;
}
