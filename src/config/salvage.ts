import type { JsonPath } from './finding.js';

/** A value whose every part may be absent: what is left of a document without its misshapen parts. */
export type Salvaged<T> = T extends readonly (infer Item)[]
  ? readonly (Salvaged<Item> | undefined)[]
  : T extends object
    ? { readonly [Key in keyof T]?: Salvaged<T[Key]> | undefined }
    : T;

/**
 * A copy of `value` without what stands at `paths`, so that the rest can still be checked and a reader gets
 * all problems at once. In a list the removed item leaves `undefined`: indexes stay.
 */
export function salvage(value: unknown, paths: readonly JsonPath[]): unknown {
  const copy: unknown = structuredClone(value);
  for (const path of paths) {
    const last = path.at(-1);
    if (last === undefined) return undefined;
    const parent = at(copy, path.slice(0, -1));
    if (Array.isArray(parent) && typeof last === 'number') parent[last] = undefined;
    else if (isRecord(parent)) delete parent[last];
  }
  return copy;
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

function isRecord(value: unknown): value is Record<string | number, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
